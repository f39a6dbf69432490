import { CGROUP_SOCK } from "./cgroup-sock.ts";
import { testProgramType } from "./testing.ts";

testProgramType(CGROUP_SOCK, {
  sections: {
    "cgroup/sock": { place: "sock" },
    "cgroup/sock_create": { place: "sock_create" },
    "cgroup/sock_release": { place: "sock_release" },
    "cgroup/post_bind4": { place: "post_bind4" },
    "cgroup/post_bind6": { place: "post_bind6" },
  },
  events: [{ name: "packet", category: "net" }],
  runsOn: { "cgroup/sock": [] },
});
