/** The parameter that is one of the program's own functions, which the helper calls. */
import { SCALAR } from "./numbers.ts";
import type { ParameterKind } from "./parameter-kind.ts";

export const CALLBACK: ParameterKind = {
  name: "callback",
  doc: "A function of the program, by the slot of its first instruction.",
  wasm: "i64",
  sized: false,
  writes: true,
  prove: (call, register) => call.callback(register),
  check: (call, register) => {
    const slot = call.value(register);
    return call.isFunction(slot) ? slot : call.refuse(register, "function of this program");
  },
  // Whoever calls it compares it with the functions there are: it is no address that the core could use.
  push: ({ pushRegister }) => pushRegister(),
};

export const CALLBACK_CONTEXT: ParameterKind = {
  ...SCALAR,
  name: "callback_context",
  doc: "What the function is given to work with: a pointer to the stack, or 0.",
  prove: (call, register) => call.stackOrZero(register),
};
