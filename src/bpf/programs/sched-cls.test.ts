import { SCHED_CLS } from "./sched-cls.ts";
import { testProgramType } from "./testing.ts";

testProgramType(SCHED_CLS, {
  sections: {
    tc: { place: "" },
    "tc/ingress": { place: "ingress" },
    "tcx/egress": { place: "egress" },
    classifier: { place: "" },
    action: { place: "" },
    "netkit/peer": { place: "peer" },
  },
  events: [
    { name: "packet", category: "net" },
    { name: "kmalloc", category: "kmem" },
  ],
  runsOn: { tc: ["net:packet"] },
});
