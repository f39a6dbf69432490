import { testProgramType } from "./testing.ts";
import { XDP } from "./xdp.ts";

testProgramType(XDP, {
  sections: {
    xdp: {},
    "xdp.frags": {},
    "xdp/devmap": {},
  },
  events: [
    { name: "packet", category: "net" },
    { name: "kmalloc", category: "kmem" },
  ],
  runsOn: { xdp: ["net:packet"] },
});
