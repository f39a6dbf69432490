/** The parameter that is a record of a ring buffer, which the call gives back. */
import type { ParameterKind } from "./parameter-kind.ts";

export const RECORD_ADDRESS: ParameterKind = {
  name: "record",
  doc: "A record that this run has reserved and not given back.",
  wasm: "i32",
  sized: false,
  writes: false,
  prove: (call, register) => call.record(register),
  check: (call, register) => call.releaseRecord(register),
  push: ({ pushPointer }) => pushPointer(undefined),
};
