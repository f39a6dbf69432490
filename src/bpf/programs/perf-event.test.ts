import { PERF_EVENT } from "./perf-event.ts";
import { testProgramType } from "./testing.ts";

testProgramType(PERF_EVENT, {
  sections: {
    perf_event: {},
    "perf_event/clock": {},
  },
  events: [
    { name: "packet", category: "net" },
    { name: "kmalloc", category: "kmem" },
  ],
  runsOn: { perf_event: [] },
});
