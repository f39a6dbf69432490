/** Programs on sockets of a cgroup as they are made, bound and let go. */
import { structContext } from "./context.ts";
import type { ProgramType } from "./program-type.ts";
import type { Readable } from "./readable.ts";

/** `bound_dev_if`, `mark` and `priority`. */
const WRITABLE = [
  { offset: 0, bytes: 4 },
  { offset: 16, bytes: 4 },
  { offset: 20, bytes: 4 },
];

/** Of a socket as it is made, and of one that was bound to an address of either family. */
const MADE: Readable = {
  ...{ 1: "4-5 8-9 12-13 48-50 52-73 76-77", 2: "4-6 8-10 12-14 48-50 52-74 76-78", 4: "0-24 48-80" },
};
const READABLE: Readonly<Record<string, Readable>> = {
  post_bind4: {
    1: "4-5 8-9 12-13 24-28 44-45 48-50 52-73 76-77",
    ...{ 2: "4-6 8-10 12-14 24-28 44-46 48-50 52-74 76-78", 4: "4-16 24-28 44-80" },
  },
  post_bind6: {
    1: "4-5 8-9 12-13 28-45 48-50 52-73 76-77",
    ...{ 2: "4-6 8-10 12-14 28-46 48-50 52-74 76-78", 4: "4-16 28-80" },
  },
};

export const CGROUP_SOCK: ProgramType<{ readonly place: string }> = {
  name: "cgroup_sock",
  doc: "Runs when a socket of a cgroup is made, bound or let go; its context is `struct bpf_sock`.",
  prefixes: ["cgroup/sock", "cgroup/sock_create", "cgroup/sock_release", "cgroup/post_bind4", "cgroup/post_bind6"],
  section: "cgroup/sock_create",
  parse: (rest) => ({ place: rest.join("/") }),
  describe: ({ place }) => `sockets of a cgroup${place === "" ? "" : ` (${place})`}`,
  attaches: () => false,
  context: structContext("A program on a socket", "bpf_sock", 80, {
    readable: ({ place = "" }) => READABLE[place] ?? MADE,
    // Of a socket that was bound it is too late.
    writable: ({ place = "" }) => (place.startsWith("post_bind") ? [] : WRITABLE),
  }),
  caller: () => "cgroup_sock",
  result: { ignored: false, doc: "Whether it may: 1 allows, 0 refuses.", between: () => [0, 1] },
};
