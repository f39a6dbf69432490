/** Programs on sockets of a cgroup as they are made, bound and let go. */
import { structContext } from "./context.ts";
import type { ProgramType } from "./program-type.ts";

/** `bound_dev_if`, `mark` and `priority`. */
const WRITABLE = [
  { offset: 0, bytes: 4 },
  { offset: 16, bytes: 4 },
  { offset: 20, bytes: 4 },
];

export const CGROUP_SOCK: ProgramType<{ readonly place: string }> = {
  name: "cgroup_sock",
  doc: "Runs when a socket of a cgroup is made, bound or let go; its context is `struct bpf_sock`.",
  prefixes: ["cgroup/sock", "cgroup/sock_create", "cgroup/sock_release", "cgroup/post_bind4", "cgroup/post_bind6"],
  section: "cgroup/sock_create",
  parse: (rest) => ({ place: rest.join("/") }),
  describe: ({ place }) => `sockets of a cgroup${place === "" ? "" : ` (${place})`}`,
  attaches: () => false,
  context: structContext("A program on a socket", "bpf_sock", 80, {
    // Of a socket that was bound it is too late.
    writable: ({ place = "" }) => (place.startsWith("post_bind") ? [] : WRITABLE),
  }),
  caller: () => "cgroup_sock",
  result: { ignored: false, doc: "Whether it may: 1 allows, 0 refuses.", between: () => [0, 1] },
};
