/** XDP: programs on packets as they come in, before the kernel makes anything of them. */
import { isPacketEvent, onPackets } from "./packet.ts";
import { XDP_MD } from "./packet-struct.ts";
import type { ProgramType } from "./program-type.ts";

export const XDP: ProgramType<Readonly<Record<string, never>>> = {
  name: "xdp",
  doc: "Runs on each packet that comes in; its context is `struct xdp_md`.",
  prefixes: ["xdp", "xdp.frags"],
  section: "xdp",
  parse: () => ({}),
  describe: () => "packets that come in",
  attaches: (_, event) => isPacketEvent(event),
  packet: XDP_MD,
  context: onPackets(
    XDP_MD,
    () => [],
    () => ({ 4: "0-24" }),
  ),
  caller: () => "xdp",
  result: {
    ignored: false,
    doc: "What becomes of the packet: 0 aborted, 1 dropped, 2 passed on, 3 sent back, 4 redirected.",
  },
};
