/** Programs on the addresses that sockets of a cgroup are given. */
import { ADDRESSES, type Caller } from "../helpers/callers.ts";
import { structContext } from "./context.ts";
import type { ProgramType } from "./program-type.ts";
import { type Readable, words } from "./readable.ts";
import type { WritableField } from "./writable-field.ts";

/** The addresses that user space gave and that a message is sent from, by the family in the section's name, and the port. */
const ADDRESS: Readonly<Record<string, WritableField>> = {
  4: { offset: 4, bytes: 4 },
  6: { offset: 8, bytes: 16, widths: [4, 8] },
};
const SOURCE: Readonly<Record<string, WritableField>> = {
  4: { offset: 40, bytes: 4 },
  6: { offset: 44, bytes: 16, widths: [4, 8] },
};
const PORT: WritableField = { offset: 24, bytes: 4, kept: 0xffff };

function writable(place: string): readonly WritableField[] {
  const [, what = "", family = ""] = /^([a-z]+)([46])/.exec(place) ?? [];
  const [address, source] = [ADDRESS[family], what === "sendmsg" ? SOURCE[family] : undefined];
  return [PORT, address, source].filter((field) => field !== undefined);
}

function readable(place: string): Readable {
  const [, what = "", family = ""] = /^([a-z]+)([46])/.exec(place) ?? [];
  const sends = what === "sendmsg";
  if (family === "4")
    return { ...words(`4-8 24-28${sends ? " 40-44" : ""}`), 4: sends ? "0-8 24-44" : "0-8 24-40", 8: "64-72" };
  if (family !== "6") return { ...words("24-28"), 4: "0-4 24-40", 8: "64-72" };
  if (!sends) return { ...words("8-28"), 4: "0-4 8-40", 8: "8-24 64-72" };
  return { ...words("8-28 44-60"), 4: "0-4 8-40 44-60", 8: "8-24 48-56 64-72" };
}

/** Who only says what an address looks like cannot refuse; who binds may say more than whether it may. */
function mayReturn(place: string): readonly [least: number, most: number] {
  if (/^(recvmsg|getpeername|getsockname)/.test(place)) return [1, 1];
  return place.startsWith("bind") ? [0, 3] : [0, 1];
}

/** Hooks are told apart by their family only where sockets of the file system may less. */
function callerAt(place: string): Caller | undefined {
  const hook = `cgroup_${place.replace(/[46]$/, "")}`;
  return ADDRESSES.find((each) => each === hook || `${each}_unix` === hook);
}

export const CGROUP_SOCK_ADDR: ProgramType<{ readonly place: string }> = {
  name: "cgroup_sock_addr",
  doc: "Runs when a socket of a cgroup is given an address, or asked for one; its context is `struct bpf_sock_addr`.",
  prefixes: [
    "cgroup/bind4",
    "cgroup/bind6",
    "cgroup/connect4",
    "cgroup/connect6",
    "cgroup/getpeername4",
    "cgroup/getpeername6",
    "cgroup/getsockname4",
    "cgroup/getsockname6",
    "cgroup/sendmsg4",
    "cgroup/sendmsg6",
    "cgroup/recvmsg4",
    "cgroup/recvmsg6",
    "cgroup/connect_unix",
    "cgroup/sendmsg_unix",
    "cgroup/recvmsg_unix",
    "cgroup/getpeername_unix",
    "cgroup/getsockname_unix",
  ],
  section: "cgroup/connect4",
  parse: (rest) => ({ place: rest.join("/") }),
  describe: ({ place }) => `addresses of a cgroup's sockets${place === "" ? "" : ` (${place})`}`,
  attaches: () => false,
  context: structContext("A program on an address", "bpf_sock_addr", 72, {
    writable: ({ place = "" }) => writable(place),
    readable: ({ place = "" }) => readable(place),
  }),
  caller: ({ place }) => callerAt(place),
  result: { ignored: false, doc: "Whether it may: 1 allows, 0 refuses.", between: ({ place }) => mayReturn(place) },
};
