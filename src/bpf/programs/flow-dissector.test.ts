import { FLOW_DISSECTOR } from "./flow-dissector.ts";
import { testProgramType } from "./testing.ts";

testProgramType(FLOW_DISSECTOR, {
  sections: {
    flow_dissector: {},
  },
  events: [{ name: "packet", category: "net" }],
  runsOn: { flow_dissector: [] },
});
