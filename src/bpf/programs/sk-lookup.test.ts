import { SK_LOOKUP } from "./sk-lookup.ts";
import { testProgramType } from "./testing.ts";

testProgramType(SK_LOOKUP, {
  sections: {
    sk_lookup: {},
  },
  events: [{ name: "packet", category: "net" }],
  runsOn: { sk_lookup: [] },
});
