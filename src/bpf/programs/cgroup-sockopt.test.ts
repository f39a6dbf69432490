import { CGROUP_SOCKOPT } from "./cgroup-sockopt.ts";
import { testProgramType } from "./testing.ts";

testProgramType(CGROUP_SOCKOPT, {
  sections: {
    "cgroup/getsockopt": { place: "getsockopt" },
    "cgroup/setsockopt": { place: "setsockopt" },
  },
  events: [{ name: "packet", category: "net" }],
  runsOn: { "cgroup/getsockopt": [] },
});
