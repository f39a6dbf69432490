import { SOCK_OPS } from "./sock-ops.ts";
import { testProgramType } from "./testing.ts";

testProgramType(SOCK_OPS, {
  sections: {
    sockops: {},
  },
  events: [{ name: "packet", category: "net" }],
  runsOn: { sockops: [] },
});
