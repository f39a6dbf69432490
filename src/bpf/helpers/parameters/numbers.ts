/** Parameters that are numbers. */
import { OP } from "../../../wasm/encode.ts";
import type { ParameterKind } from "./parameter-kind.ts";

/** What the core is given for flags beyond 32 bits, none of which exist: it answers -EINVAL. */
const FLAGS_TOO_LARGE = 0xffffffff;

export const FLAGS: ParameterKind = {
  name: "flags",
  doc: "Bits, 64 of which 32 are passed on: all ones where others are set, which no function takes.",
  wasm: "i32",
  sized: false,
  writes: false,
  prove: (call, register) => call.number(register),
  check: (call, register) => {
    const flags = call.value(register);
    return flags > 0xffffffffn ? FLAGS_TOO_LARGE : Number(flags);
  },
  push: ({ out, pushRegister }) => {
    pushRegister();
    out.byte(OP.i32WrapI64).byte(OP.i32Const).s32(FLAGS_TOO_LARGE);
    pushRegister();
    out.op(OP.i64Const, 32, OP.i64ShrU, OP.i64Eqz, OP.select);
  },
};

export const RECORD_SIZE: ParameterKind = {
  ...FLAGS,
  name: "record_size",
  doc: "Bytes, 64 bits of which 32 are passed on: all ones where others are set, which no record has.",
};

export const SCALAR: ParameterKind = {
  name: "scalar",
  doc: "Any number.",
  wasm: "i64",
  sized: false,
  writes: false,
  prove: (call, register) => call.number(register),
  check: (call, register) => call.value(register),
  push: ({ pushRegister }) => pushRegister(),
};

export const WORD: ParameterKind = {
  name: "word",
  doc: "A number, of which the lower 32 bits are passed on.",
  wasm: "i32",
  sized: false,
  writes: false,
  prove: (call, register) => call.number(register),
  check: (call, register) => Number(BigInt.asUintN(32, call.value(register))),
  push: ({ out, pushRegister }) => {
    pushRegister();
    out.byte(OP.i32WrapI64);
  },
};
