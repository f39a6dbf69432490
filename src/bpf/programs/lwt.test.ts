import { LWT } from "./lwt.ts";
import { testProgramType } from "./testing.ts";

testProgramType(LWT, {
  sections: {
    lwt_in: {},
    lwt_out: {},
    lwt_xmit: {},
    lwt_seg6local: {},
  },
  events: [{ name: "packet", category: "net" }],
  runsOn: { lwt_in: ["net:packet"] },
});
