/** XDP: programs on packets as they come in, before the kernel makes anything of them. */
import { numbered, withoutEvents } from "./context.ts";
import { packetContext, XDP_MD } from "./packet.ts";
import type { ProgramType } from "./program-type.ts";

export const XDP: ProgramType<Readonly<Record<string, never>>> = {
  name: "xdp",
  doc: "Runs on each packet that comes in; its context is `struct xdp_md`.",
  prefixes: ["xdp", "xdp.frags"],
  section: "xdp",
  parse: () => ({}),
  describe: () => "packets that come in",
  attaches: () => false,
  context: {
    ...withoutEvents("A program on packets"),
    // A packet of no bytes: where it would lie nobody says.
    example: (_, index) => numbered(XDP_MD.bytes, XDP_MD.meta + 4, index),
    direct: (given) => packetContext(XDP_MD, given),
  },
  helpers: ["base"],
  result: {
    ignored: false,
    doc: "What becomes of the packet: 0 aborted, 1 dropped, 2 passed on, 3 sent back, 4 redirected.",
  },
};
