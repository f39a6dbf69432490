import { CGROUP_SOCK_ADDR } from "./cgroup-sock-addr.ts";
import { testProgramType } from "./testing.ts";

testProgramType(CGROUP_SOCK_ADDR, {
  sections: {
    "cgroup/bind4": { place: "bind4" },
    "cgroup/bind6": { place: "bind6" },
    "cgroup/connect4": { place: "connect4" },
    "cgroup/connect6": { place: "connect6" },
    "cgroup/getpeername4": { place: "getpeername4" },
    "cgroup/getpeername6": { place: "getpeername6" },
    "cgroup/getsockname4": { place: "getsockname4" },
    "cgroup/getsockname6": { place: "getsockname6" },
    "cgroup/sendmsg4": { place: "sendmsg4" },
    "cgroup/sendmsg6": { place: "sendmsg6" },
    "cgroup/recvmsg4": { place: "recvmsg4" },
    "cgroup/recvmsg6": { place: "recvmsg6" },
    "cgroup/connect_unix": { place: "connect_unix" },
    "cgroup/sendmsg_unix": { place: "sendmsg_unix" },
    "cgroup/recvmsg_unix": { place: "recvmsg_unix" },
    "cgroup/getpeername_unix": { place: "getpeername_unix" },
    "cgroup/getsockname_unix": { place: "getsockname_unix" },
  },
  events: [{ name: "packet", category: "net" }],
  runsOn: { "cgroup/bind4": [] },
});
