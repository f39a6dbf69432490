import { LSM } from "./lsm.ts";
import { testProgramType } from "./testing.ts";

testProgramType(LSM, {
  sections: {
    "lsm/file_open": { hook: "file_open" },
    "lsm.s/bprm_check_security": { hook: "bprm_check_security" },
    "lsm_cgroup/socket_bind": { hook: "socket_bind" },
    lsm: /section lsm names no hook: it should be lsm\/HOOK/,
  },
  events: [
    { name: "packet", category: "net" },
    { name: "kmalloc", category: "kmem" },
  ],
  runsOn: { "lsm/file_open": [] },
});
