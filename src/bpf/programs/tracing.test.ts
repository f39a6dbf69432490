import { KERNEL_FORMATS } from "../../events/tracepoints/kernel-formats.ts";
import { testProgramType } from "./testing.ts";
import { TRACING } from "./tracing.ts";

const FORMAT = KERNEL_FORMATS.find(({ name }) => name === "sched_switch");
const SWITCH = { name: "sched_switch", category: "sched", format: FORMAT };

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
  events: [{ name: "packet", category: "net" }, { name: "kmalloc", category: "kmem" }, SWITCH],
  runsOn: { "fentry/do_exit": [], "fentry/sched_switch": [], "tp_btf/sched_switch": ["sched:sched_switch"] },
});
