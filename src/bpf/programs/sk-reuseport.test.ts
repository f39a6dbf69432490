import { SK_REUSEPORT } from "./sk-reuseport.ts";
import { testProgramType } from "./testing.ts";

testProgramType(SK_REUSEPORT, {
  sections: {
    sk_reuseport: { place: "" },
  },
  events: [{ name: "packet", category: "net" }],
  runsOn: { sk_reuseport: [] },
});
