import { testProgramType } from "./testing.ts";
import { TRACING } from "./tracing.ts";

testProgramType(TRACING, {
  sections: {
    "fentry/do_exit": { function: "do_exit" },
    "fexit/do_exit": { function: "do_exit" },
    "fmod_ret/do_exit": { function: "do_exit" },
    "fentry.s/do_exit": { function: "do_exit" },
    "fexit.s/do_exit": { function: "do_exit" },
    "fmod_ret.s/do_exit": { function: "do_exit" },
    "iter/do_exit": { function: "do_exit" },
    "iter.s/do_exit": { function: "do_exit" },
    "fsession/do_exit": { function: "do_exit" },
    "fsession.s/do_exit": { function: "do_exit" },
    "tp_btf/sched_switch": { function: "sched_switch" },
  },
  events: [
    { name: "packet", category: "net" },
    { name: "kmalloc", category: "kmem" },
  ],
  runsOn: { "fentry/do_exit": [] },
});
