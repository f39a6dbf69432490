import { SK_SKB } from "./sk-skb.ts";
import { testProgramType } from "./testing.ts";

testProgramType(SK_SKB, {
  sections: {
    sk_skb: { place: "" },
  },
  events: [{ name: "packet", category: "net" }],
  runsOn: { sk_skb: [] },
});
