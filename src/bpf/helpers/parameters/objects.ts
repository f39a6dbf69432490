/** Parameters that are objects of programs, and the fields of values and objects that keep them or guard them. */
import type { FieldKind } from "../../object/fields.ts";
import { objectOf } from "./memory.ts";
import { SCALAR, WORD } from "./numbers.ts";
import type { ParameterKind } from "./parameter-kind.ts";

function field(name: string, kind: FieldKind, bytes: number, doc: string): ParameterKind {
  return { ...objectOf(name, bytes, true, doc), prove: (call, register) => call.field(register, kind) };
}

export const LOCK: ParameterKind = field("lock", "lock", 4, "A pointer to a `struct bpf_spin_lock`.");
export const TIMER: ParameterKind = field("timer", "timer", 16, "A pointer to a `struct bpf_timer`.");
export const WORKQUEUE: ParameterKind = field("workqueue", "workqueue", 16, "A pointer to a `struct bpf_wq`.");
export const LIST: ParameterKind = field("list", "list", 16, "A pointer to a `struct bpf_list_head`.");
export const TREE: ParameterKind = field("tree", "tree", 16, "A pointer to a `struct bpf_rb_root`.");
export const KEPT_POINTER: ParameterKind = field(
  "kept_pointer",
  "pointer",
  8,
  "A pointer to a place for an object's address, as `__kptr` makes it.",
);

export const TYPE_NUMBER: ParameterKind = {
  ...SCALAR,
  name: "type_number",
  doc: "The number of one of the object's own types.",
  prove: (call, register) => call.typeNumber(register),
};

export const COPIED_TYPE: ParameterKind = {
  ...TYPE_NUMBER,
  name: "copied_type",
  doc: "The number of one of the object's own types, of numbers alone.",
  prove: (call, register) => call.copiedType(register),
};

export const COPIES: ParameterKind = {
  ...SCALAR,
  name: "copies",
  doc: "An object for each CPU.",
  prove: (call, register) => call.copies(register, "uses"),
};

export const OWN_COPIES: ParameterKind = {
  ...COPIES,
  name: "own_copies",
  doc: "An object for each CPU of the run's own, which it gives away.",
  prove: (call, register) => call.copies(register, "ends"),
};

export const OWN_OBJECT: ParameterKind = {
  ...SCALAR,
  name: "own_object",
  doc: "An object of the run's own, which it gives away.",
  prove: (call, register) => call.object(register, "ends"),
};

export const SHARED_OBJECT: ParameterKind = {
  ...SCALAR,
  name: "shared_object",
  doc: "An object that counts its references.",
  prove: (call, register) => call.object(register, "shares"),
};

export const POINTEE: ParameterKind = {
  ...SCALAR,
  name: "pointee",
  doc: "An object of the run's own, which it gives away, or 0.",
  prove: (call, register) => call.pointee(register),
};

export const OWN_NODE: ParameterKind = {
  ...WORD,
  name: "own_node",
  doc: "A pointer to the node of an object of the run's own, which it gives away.",
  prove: (call, register) => call.node(register, true),
};

export const NODE: ParameterKind = {
  ...WORD,
  name: "node",
  doc: "A pointer to the node of an object in a tree.",
  prove: (call, register) => call.node(register, false),
};
