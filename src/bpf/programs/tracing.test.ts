import { testProgramType } from "./testing.ts";
import { TRACING } from "./tracing.ts";

testProgramType(TRACING, {
  sections: {
    "fentry/do_exit": { function: "do_exit", at: "fentry" },
    "fexit/do_exit": { function: "do_exit", at: "fexit" },
    "fmod_ret/do_exit": { function: "do_exit", at: "fmod_ret" },
    "fentry.s/do_exit": { function: "do_exit", at: "fentry.s" },
    "fexit.s/do_exit": { function: "do_exit", at: "fexit.s" },
    "fmod_ret.s/do_exit": { function: "do_exit", at: "fmod_ret.s" },
    "iter/do_exit": { function: "do_exit", at: "iter" },
    "iter.s/do_exit": { function: "do_exit", at: "iter.s" },
    "fsession/do_exit": { function: "do_exit", at: "fsession" },
    "fsession.s/do_exit": { function: "do_exit", at: "fsession.s" },
    "tp_btf/sched_switch": { function: "sched_switch", at: "tp_btf" },
  },
  events: [
    { name: "packet", category: "net" },
    { name: "kmalloc", category: "kmem" },
  ],
  runsOn: { "fentry/do_exit": [] },
});
