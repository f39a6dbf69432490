import { EXT } from "./ext.ts";
import { testProgramType } from "./testing.ts";

testProgramType(EXT, {
  sections: {
    freplace: { place: "" },
  },
  events: [{ name: "packet", category: "net" }],
  runsOn: { freplace: [] },
});
