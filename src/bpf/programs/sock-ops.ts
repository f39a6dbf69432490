/** Programs on what happens to TCP connections of a cgroup. */
import { onPackets } from "./packet.ts";
import { SOCK_OPS_STRUCT } from "./packet-struct.ts";
import type { ProgramType } from "./program-type.ts";

/** `reply` and `sk_txhash`. */
const WRITABLE = [
  { offset: 4, bytes: 4 },
  { offset: 164, bytes: 4 },
];

const READABLE = { 1: "212-213", 2: "212-214", 4: "0-168 208-216", 8: "168-208 216-224" };

export const SOCK_OPS: ProgramType<Readonly<Record<string, never>>> = {
  name: "sock_ops",
  doc: "Runs when something happens to a TCP connection; its context is `struct bpf_sock_ops`.",
  prefixes: ["sockops"],
  section: "sockops",
  parse: () => ({}),
  describe: () => "events of TCP connections",
  attaches: () => false,
  packet: SOCK_OPS_STRUCT,
  context: onPackets(
    SOCK_OPS_STRUCT,
    () => WRITABLE,
    () => READABLE,
  ),
  caller: () => "sock_ops",
  result: { ignored: false, doc: "Always 1: what the kernel is told stands in the context's `reply`." },
};
