/** Parameters that lie on the stack and are known by their functions alone: dynptrs, iterators, the state of interrupts. */
import { objectOf } from "./memory.ts";
import type { ParameterKind, StackObjectKind } from "./parameter-kind.ts";

const BYTES: Readonly<Record<StackObjectKind, number>> = {
  dynptr: 16,
  record: 16,
  packet: 16,
  iterator: 8,
  interrupts: 8,
};

function kind(name: string, what: StackObjectKind, does: "begins" | "uses" | "ends", doc: string): ParameterKind {
  return {
    ...objectOf(name, BYTES[what], true, doc),
    prove: (call, register) => call.stackObject(register, what, does),
  };
}

export const DYNPTR: ParameterKind = kind("dynptr", "dynptr", "uses", "A pointer to a `struct bpf_dynptr`.");
export const DYNPTR_ROOM: ParameterKind = kind("dynptr_room", "dynptr", "begins", "A pointer to room for a dynptr.");
export const RECORD_DYNPTR_ROOM: ParameterKind = kind(
  "record_dynptr_room",
  "record",
  "begins",
  "A pointer to room for a dynptr to a record, which is to be given back.",
);
export const RECORD_DYNPTR: ParameterKind = kind(
  "record_dynptr",
  "record",
  "ends",
  "A pointer to a dynptr to a record, which is given back.",
);
export const PACKET_DYNPTR_ROOM: ParameterKind = kind(
  "packet_dynptr_room",
  "packet",
  "begins",
  "A pointer to room for a dynptr to the packet.",
);
export const ITERATOR_ROOM: ParameterKind = kind(
  "iterator_room",
  "iterator",
  "begins",
  "A pointer to room for an iterator's state.",
);
export const ITERATOR: ParameterKind = kind("iterator", "iterator", "uses", "A pointer to an iterator's state.");
export const ENDING_ITERATOR: ParameterKind = kind(
  "ending_iterator",
  "iterator",
  "ends",
  "A pointer to the state of an iterator that is ended.",
);
export const INTERRUPTS_ROOM: ParameterKind = kind(
  "interrupts_room",
  "interrupts",
  "begins",
  "A pointer to room for whether interrupts were on.",
);
export const INTERRUPTS: ParameterKind = kind(
  "interrupts",
  "interrupts",
  "ends",
  "A pointer to whether interrupts were on.",
);
