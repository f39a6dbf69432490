import { CGROUP_DEVICE } from "./cgroup-device.ts";
import { testProgramType } from "./testing.ts";

testProgramType(CGROUP_DEVICE, {
  sections: {
    "cgroup/dev": {},
  },
  events: [{ name: "packet", category: "net" }],
  runsOn: { "cgroup/dev": [] },
});
