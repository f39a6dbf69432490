import { KERNEL_FORMATS } from "../../events/tracepoints/kernel-formats.ts";
import { testProgramType } from "./testing.ts";
import { TRACING } from "./tracing.ts";

const FORMAT = KERNEL_FORMATS.find(({ name }) => name === "sched_switch");
const SWITCH = { name: "sched_switch", category: "sched", format: FORMAT };

testProgramType(TRACING, {
  sections: {
    "fentry/do_exit": { function: "do_exit", tracepoint: "" },
    "fexit/do_exit": { function: "do_exit", tracepoint: "" },
    "fmod_ret/do_exit": { function: "do_exit", tracepoint: "" },
    "fentry.s/do_exit": { function: "do_exit", tracepoint: "" },
    "fexit.s/do_exit": { function: "do_exit", tracepoint: "" },
    "fmod_ret.s/do_exit": { function: "do_exit", tracepoint: "" },
    "iter/do_exit": { function: "do_exit", tracepoint: "" },
    "iter.s/do_exit": { function: "do_exit", tracepoint: "" },
    "fsession/do_exit": { function: "do_exit", tracepoint: "" },
    "fsession.s/do_exit": { function: "do_exit", tracepoint: "" },
    "tp_btf/sched_switch": { function: "sched_switch", tracepoint: "sched_switch" },
  },
  events: [{ name: "packet", category: "net" }, { name: "kmalloc", category: "kmem" }, SWITCH],
  runsOn: { "fentry/do_exit": [], "fentry/sched_switch": [], "tp_btf/sched_switch": ["sched:sched_switch"] },
});
