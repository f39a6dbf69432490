/** Parameters that are memory: pointers with the size that follows them, and addresses that need not exist. */
import { OP } from "../../../wasm/encode.ts";
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
  check: (call, register) => call.pointer(register, sizeIn(call, register + 1), true),
  push: ({ pushPointer }) => pushPointer(undefined),
};

export const TEXT: ParameterKind = {
  name: "text",
  doc: "A pointer to readable bytes, as many as the size that follows.",
  wasm: "i32",
  sized: true,
  writes: false,
  check: (call, register) => call.pointer(register, sizeIn(call, register + 1), false),
  push: ({ pushPointer }) => pushPointer(undefined),
};

export const SIZE: ParameterKind = {
  name: "size",
  doc: "How many bytes the parameter before it points to.",
  wasm: "i32",
  sized: false,
  writes: false,
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

export const SOURCE: ParameterKind = {
  name: "source",
  doc: "Any address, readable or not.",
  wasm: "i64",
  sized: false,
  writes: false,
  check: (call, register) => BigInt.asIntN(64, call.value(register)),
  push: ({ pushRegister }) => pushRegister(),
};
