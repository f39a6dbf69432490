/** Parameters that are things of the kernel's: sockets, tasks, cgroups. */
import type { KernelThing } from "../rules.ts";
import { SOURCE } from "./memory.ts";
import type { ParameterKind } from "./parameter-kind.ts";

type Use = "uses" | "usesOrNull" | "ends";

function kind(name: string, what: KernelThing, does: Use, doc: string): ParameterKind {
  return { ...SOURCE, name, doc, prove: (call, register) => call.kernelThing(register, what, does) };
}

export const SOCKET: ParameterKind = kind("socket", "socket", "uses", "A socket.");
export const CONTEXT_OR_SOCKET: ParameterKind = {
  ...SOCKET,
  name: "context_or_socket",
  doc: "The program's context, or a socket.",
  prove: (call, register) => (call.isContext(register) ? undefined : SOCKET.prove(call, register)),
};
export const CONTEXT_OR_NULL: ParameterKind = {
  ...SOCKET,
  name: "context_or_null",
  doc: "The program's context, or 0.",
  prove: (call, register) => (call.isZero(register) ? undefined : call.context(register)),
};
export const OWN_SOCKET: ParameterKind = kind("own_socket", "socket", "ends", "A socket that was looked up.");
export const TASK: ParameterKind = kind("task", "task", "uses", "A task.");
export const OWN_TASK: ParameterKind = kind("own_task", "task", "ends", "A task that was acquired.");
export const CGROUP: ParameterKind = kind("cgroup", "cgroup", "uses", "A cgroup.");
export const OWN_CGROUP: ParameterKind = kind("own_cgroup", "cgroup", "ends", "A cgroup that was acquired.");
