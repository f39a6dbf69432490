/**
 * What a helper is: a row of `table.ts`, in a file of its topic beside it. `parameters` says what r1, r2, ... must hold, `action` how
 * the call is carried out. The interpreter checks pointers against what the run was granted, the JIT that they lie in memory; both
 * read only the rows and the parameters' kinds.
 */
import type { MapType } from "../../maps/map-kind.ts";
import type { Core } from "../../wasm/face.ts";
import type { Caller } from "./callers.ts";
import { MAP } from "./parameters/maps.ts";
import type { ParameterKind } from "./parameters/parameter-kind.ts";
import type { CallRules } from "./rules.ts";
import type { Service } from "./service.ts";

export type MapRole =
  | "lookup"
  | "lookupOn"
  | "update"
  | "delete"
  | "push"
  | "pop"
  | "peek"
  | "output"
  | "reserve"
  | "query";

export type Action =
  /** Calls the map kind's function for this role. */
  | { readonly type: "map"; readonly role: MapRole }
  /** Calls the core's function with the parameters. */
  | { readonly type: "core"; readonly name: keyof Core }
  /** Reads a field of the record that the current CPU works on. */
  | { readonly type: "record"; readonly offset: number; readonly bytes: 4 | 8 }
  /** Reads the current CPU's number. */
  | { readonly type: "cpu" }
  /** Takes the next of the current CPU's pseudo-random numbers. */
  | { readonly type: "random" }
  /** Calls a function of ours, the same from both engines. */
  | { readonly type: "service"; readonly run: Service }
  /** Asks for what no event says: a run is stopped there, unless the host has an answer (`ProgramHost.answers`). */
  | { readonly type: "unknown"; readonly what: string }
  /** Goes on in another program, if there is one. */
  | { readonly type: "tail" }
  /** Answers the same to everybody. */
  | { readonly type: "answer"; readonly value: number };

export interface Helper extends CallRules {
  /** As in Linux's `include/uapi/linux/bpf.h`; of a kernel function (kfunc), which has no number there, one of our own. */
  readonly id: number;
  /** Without the `bpf_` of its C name; of a kernel function with it. */
  readonly name: string;
  /** Whose programs alone may call it; all, if not given. */
  readonly callers?: readonly Caller[];
  readonly parameters: readonly ParameterKind[];
  /** Kinds of maps that it takes; of a role's, those that have the role. */
  readonly maps?: readonly MapType[];
  /** How many parameters each call has: registers of those behind them may hold nothing. All, if not given. */
  readonly required?: number;
  readonly action: Action;
  /** The packet may lie elsewhere, or be shorter, once it has returned; of a dynptr only if it leads to the packet. */
  readonly movesPacket?: true;
  /** Of an `i32` result: no more than the size that it was given. */
  readonly atMostSize?: true;
  /**
   * What r0 is: `value` the address of a value of the call's map, or 0; `record` that of as many bytes as r2 said, or 0, which are to
   * be submitted or discarded; `address` that of memory which the action lets the run use, or 0; `i32` 0 or more, or -errno; `i64` the
   * same in 64 bits; an unsigned number; `none`: 0.
   */
  readonly result: "value" | "record" | "address" | "i32" | "i64" | "u32" | "u64" | "none";
  readonly doc: string;
}

const WIDE: readonly Helper["result"][] = ["i64", "u64"];

/** What a helper's function is in WebAssembly, where its action is to call one. */
export function signatureOf({ parameters, result }: Helper): {
  readonly parameters: readonly ("i32" | "i64")[];
  readonly results: readonly ("i32" | "i64")[];
} {
  const results = result === "none" ? [] : ([WIDE.includes(result) ? "i64" : "i32"] as const);
  return { parameters: parameters.map(({ wasm }) => wasm), results };
}

/** Whether it is called by its name (a kfunc) and has no number in Linux. */
export const isKernelFunction = ({ name }: Helper): boolean => name.startsWith("bpf_");

/** The register that holds the call's map; 0 for a helper that takes none. */
export function mapRegister({ parameters }: Helper): number {
  return parameters.indexOf(MAP) + 1;
}
