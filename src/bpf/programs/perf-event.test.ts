import { PERF_EVENT } from "./perf-event.ts";
import { testProgramType } from "./testing.ts";

testProgramType(PERF_EVENT, {
  sections: {
    perf_event: { event: "" },
    "perf_event/cpu-clock": { event: "cpu-clock" },
  },
  events: [
    { name: "packet", category: "net" },
    { name: "kmalloc", category: "kmem" },
    { name: "cpu-clock", category: "perf" },
    { name: "cache-misses", category: "perf" },
  ],
  runsOn: { perf_event: ["perf:cpu-clock", "perf:cache-misses"], "perf_event/cpu-clock": ["perf:cpu-clock"] },
});
