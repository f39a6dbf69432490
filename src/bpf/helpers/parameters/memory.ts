/** Parameters that are memory: pointers with the size that follows them, and addresses that need not exist. */
import { OP, TYPE } from "../../../wasm/encode.ts";
import type { CheckedCall, ParameterKind } from "./parameter-kind.ts";

/** Sizes are positive as the core's i32. */
const LARGEST_SIZE = 0x7fffffffn;

function sizeIn(call: CheckedCall, register: number): number {
  const size = call.value(register);
  return size > LARGEST_SIZE ? call.refuse(register, "size") : Number(size);
}

export const DESTINATION: ParameterKind = {
  name: "destination",
  doc: "A pointer to writable bytes, as many as the size that follows.",
  wasm: "i32",
  sized: true,
  writes: true,
  prove: (call, register) => call.sized(register, true),
  check: (call, register) => call.pointer(register, sizeIn(call, register + 1), true),
  push: ({ pushPointer }) => pushPointer(undefined),
};

/** Memory that is there as long as its map is. */
export const VALUE_MEMORY: ParameterKind = {
  ...DESTINATION,
  name: "value_memory",
  doc: "A pointer to writable bytes of a map's value, as many as the size that follows.",
  prove: (call, register) => {
    call.inValue(register);
    DESTINATION.prove(call, register);
  },
};

export const TEXT: ParameterKind = {
  name: "text",
  doc: "A pointer to readable bytes, as many as the size that follows.",
  wasm: "i32",
  sized: true,
  writes: false,
  prove: (call, register) => call.sized(register, false),
  check: (call, register) => call.pointer(register, sizeIn(call, register + 1), false),
  push: ({ pushPointer }) => pushPointer(undefined),
};

/** The same kind of pointer, or 0. @param proveZero what has to hold besides where it is 0 */
export function orNull(kind: ParameterKind, proveZero: ParameterKind["prove"] = () => undefined): ParameterKind {
  return {
    ...kind,
    name: `${kind.name}_or_null`,
    doc: `${kind.doc.slice(0, -1)}, or 0.`,
    prove: (call, register) => (call.isZero(register) ? proveZero : kind.prove)(call, register),
    check: (call, register) => (call.value(register) === 0n ? 0 : kind.check(call, register)),
    push: (call) => {
      call.pushRegister();
      call.out.op(OP.i64Eqz, OP.if, TYPE.i32, OP.i32Const, 0, OP.else);
      kind.push(call);
      call.out.byte(OP.end);
    },
  };
}

/** Where there are no bytes the size says so too. */
const proveNoBytes: ParameterKind["prove"] = (call, register) => call.size(register + 1, 0, true);

export const TEXT_OR_NULL: ParameterKind = orNull(TEXT, proveNoBytes);
export const DESTINATION_OR_NULL: ParameterKind = orNull(DESTINATION, proveNoBytes);

/** Room that a helper may use if it needs any, whatever the size that follows is asked for. */
export const BUFFER_OR_NULL: ParameterKind = {
  ...DESTINATION_OR_NULL,
  name: "buffer_or_null",
  doc: "A pointer to room for as many bytes as the size that follows, or 0.",
  prove: (call, register) =>
    call.isZero(register) ? call.size(register + 1) : DESTINATION_OR_NULL.prove(call, register),
};

/** A pointer to an object of a size that is known. */
export function objectOf(name: string, bytes: number, writes: boolean, doc: string): ParameterKind {
  return {
    ...{ name, doc, wasm: "i32", sized: false, writes },
    prove: (call, register) => call.pointer(register, bytes, writes),
    check: (call, register) => call.pointer(register, bytes, writes),
    push: ({ pushPointer }) => pushPointer(bytes),
  };
}

export const STRING: ParameterKind = {
  ...objectOf("string", 1, false, "A pointer to a text that ends with a NUL."),
  prove: (call, register) => void call.text(register),
};

/** Its values lie where the parameter behind it points to, as many bytes as the one behind that says. */
export const FORMAT: ParameterKind = {
  ...STRING,
  name: "format",
  doc: "A pointer to a text with a place for each of the values that follow, as `printf` has them.",
  prove: (call, register) => call.format(register, register + 2),
};

/** A pointer to a number, where numbers of its size lie. */
function numberRoom(name: string, bytes: number, doc: string): ParameterKind {
  const kind = objectOf(name, bytes, true, doc);
  return {
    ...kind,
    prove: (call, register) => {
      kind.prove(call, register);
      call.aligned(register, bytes);
    },
  };
}

export const LONG_ROOM: ParameterKind = numberRoom("long_room", 8, "A pointer to room for a number of 64 bits.");
export const WORD_ROOM: ParameterKind = numberRoom("word_room", 4, "A pointer to a number of 32 bits.");

export const CONTEXT: ParameterKind = {
  name: "context",
  doc: "The program's context.",
  prove: (call, register) => call.context(register),
  wasm: "i32",
  sized: false,
  writes: false,
  check: (call, register) =>
    call.value(register) === BigInt(call.context) ? call.context : call.refuse(register, "context of this program"),
  push: ({ pushPointer }) => pushPointer(undefined),
};

export const SIZE: ParameterKind = {
  name: "size",
  doc: "How many bytes the parameter before it points to.",
  wasm: "i32",
  sized: false,
  writes: false,
  prove: (call, register) => call.size(register),
  check: sizeIn,
  push: ({ out, pushRegister, failIf }) => {
    pushRegister();
    out
      .byte(OP.i64Const)
      .s64(LARGEST_SIZE + 1n)
      .byte(OP.i64GeU);
    failIf();
    pushRegister();
    out.byte(OP.i32WrapI64);
  },
};

/** A size that Linux wants to be something. */
export const POSITIVE_SIZE: ParameterKind = {
  ...SIZE,
  name: "positive_size",
  doc: "How many bytes the parameter before it points to, at least one.",
  prove: (call, register) => call.size(register, 1),
};

export const SOURCE: ParameterKind = {
  name: "source",
  doc: "Any address, readable or not.",
  wasm: "i64",
  sized: false,
  writes: false,
  prove: (call, register) => call.number(register),
  check: (call, register) => BigInt.asIntN(64, call.value(register)),
  push: ({ pushRegister }) => pushRegister(),
};
