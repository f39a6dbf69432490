import { STRUCT_OPS } from "./struct-ops.ts";
import { testProgramType } from "./testing.ts";

testProgramType(STRUCT_OPS, {
  sections: {
    struct_ops: { place: "" },
    "struct_ops.s": { place: "" },
  },
  events: [{ name: "packet", category: "net" }],
  runsOn: { struct_ops: [] },
});
