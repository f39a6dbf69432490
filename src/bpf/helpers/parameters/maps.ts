/** Parameters of the helpers on maps: the map, its key and its value. */
import { OP } from "../../../wasm/encode.ts";
import { orNull } from "./memory.ts";
import type { ParameterKind } from "./parameter-kind.ts";

export const MAP: ParameterKind = {
  name: "map",
  doc: "A map's address.",
  wasm: "i32",
  sized: false,
  writes: false,
  prove: (call) => void call.map(),
  check: (call) => call.map().address,
  push: ({ out, map, pushRegister }) => {
    // An inner map is where a lookup says.
    if (map === undefined || map.address !== 0) out.byte(OP.i32Const).s32(map?.address ?? 0);
    else {
      pushRegister();
      out.byte(OP.i32WrapI64);
    }
  },
};

export const KEY: ParameterKind = {
  name: "key",
  doc: "A pointer to a key of the call's map.",
  wasm: "i32",
  sized: false,
  writes: false,
  prove: (call, register) => call.pointer(register, call.map().keySize, false),
  check: (call, register) => call.pointer(register, call.map().keySize, false),
  push: ({ map, pushPointer }) => pushPointer(map?.keySize),
};

export const VALUE: ParameterKind = {
  name: "value",
  doc: "A pointer to a value of the call's map.",
  wasm: "i32",
  sized: false,
  writes: false,
  prove: (call, register) => {
    call.pointer(register, call.map().valueSize, false);
    call.plainValue(register);
  },
  check: (call, register) => call.pointer(register, call.map().valueSize, false),
  push: ({ map, pushPointer }) => pushPointer(map?.valueSize),
};

export const VALUE_OR_NULL: ParameterKind = orNull(VALUE);

export const ROOM: ParameterKind = {
  name: "room",
  doc: "A pointer to room for a value of the call's map.",
  wasm: "i32",
  sized: false,
  writes: true,
  prove: (call, register) => call.pointer(register, call.map().valueSize, true),
  check: (call, register) => call.pointer(register, call.map().valueSize, true),
  push: ({ map, pushPointer }) => pushPointer(map?.valueSize),
};
