import { NETFILTER } from "./netfilter.ts";
import { testProgramType } from "./testing.ts";

testProgramType(NETFILTER, {
  sections: {
    netfilter: {},
  },
  events: [{ name: "packet", category: "net" }],
  runsOn: { netfilter: [] },
});
