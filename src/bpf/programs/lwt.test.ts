import { LWT } from "./lwt.ts";
import { testProgramType } from "./testing.ts";

testProgramType(LWT, {
  sections: {
    lwt_in: { hook: "lwt_in" },
    lwt_out: { hook: "lwt_out" },
    lwt_xmit: { hook: "lwt_xmit" },
    lwt_seg6local: { hook: "lwt_seg6local" },
  },
  events: [{ name: "packet", category: "net" }],
  runsOn: { lwt_in: ["net:packet"] },
});
