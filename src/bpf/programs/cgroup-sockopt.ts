/** Programs on options of the sockets of a cgroup. */
import { onPackets } from "./packet.ts";
import { SOCKOPT } from "./packet-struct.ts";
import type { ProgramType } from "./program-type.ts";
import type { WritableField } from "./writable-field.ts";

/** `level`, `optname`, `optlen`; `retval`, which is there once the kernel has read the option. */
const WRITABLE: Readonly<Record<string, readonly WritableField[]>> = {
  setsockopt: [24, 28, 32].map((offset) => ({ offset, bytes: 4 })),
  getsockopt: [32, 36].map((offset) => ({ offset, bytes: 4 })),
};

export const CGROUP_SOCKOPT: ProgramType<{ readonly place: string }> = {
  name: "cgroup_sockopt",
  doc: "Runs when an option of a socket is read or set; its context is `struct bpf_sockopt`, the option's value stands where a packet does.",
  prefixes: ["cgroup/getsockopt", "cgroup/setsockopt"],
  section: "cgroup/getsockopt",
  parse: (rest) => ({ place: rest.join("/") }),
  describe: ({ place }) => `options of a cgroup's sockets${place === "" ? "" : ` (${place})`}`,
  attaches: () => false,
  packet: SOCKOPT,
  context: onPackets(
    SOCKOPT,
    ({ place = "" }) => WRITABLE[place] ?? [],
    ({ place }) => ({ 4: place === "getsockopt" ? "24-40" : "24-36", 8: "0-24" }),
  ),
  caller: ({ place }) => (place === "getsockopt" ? "cgroup_getsockopt" : "cgroup_setsockopt"),
  result: { ignored: false, doc: "Whether it may: 1 allows, 0 refuses." },
};
