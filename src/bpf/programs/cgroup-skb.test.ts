import { CGROUP_SKB } from "./cgroup-skb.ts";
import { testProgramType } from "./testing.ts";

testProgramType(CGROUP_SKB, {
  sections: {
    "cgroup_skb/ingress": { place: "ingress" },
    cgroup_skb: { place: "" },
    "cgroup/skb": { place: "skb" },
  },
  events: [
    { name: "packet", category: "net" },
    { name: "kmalloc", category: "kmem" },
  ],
  runsOn: { "cgroup_skb/ingress": ["net:packet"] },
});
