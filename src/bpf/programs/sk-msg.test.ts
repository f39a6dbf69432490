import { SK_MSG } from "./sk-msg.ts";
import { testProgramType } from "./testing.ts";

testProgramType(SK_MSG, {
  sections: {
    sk_msg: {},
  },
  events: [{ name: "packet", category: "net" }],
  runsOn: { sk_msg: [] },
});
