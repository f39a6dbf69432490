import { CGROUP_SYSCTL } from "./cgroup-sysctl.ts";
import { testProgramType } from "./testing.ts";

testProgramType(CGROUP_SYSCTL, {
  sections: {
    "cgroup/sysctl": {},
  },
  events: [{ name: "packet", category: "net" }],
  runsOn: { "cgroup/sysctl": [] },
});
