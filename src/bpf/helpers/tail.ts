/** Tail calls: a program that goes on in another one, by a map of programs. */
import type { ProgramHost, RunProgram } from "../host.ts";
import type { LinkedMap } from "../linked.ts";
import type { Helper } from "./helper.ts";
import { MAP } from "./parameters/maps.ts";
import { CONTEXT } from "./parameters/memory.ts";
import { SCALAR } from "./parameters/numbers.ts";

/** MAX_TAIL_CALL_CNT of Linux. */
export const MOST_TAIL_CALLS = 33;

/** The program under an index, of which the lower 32 bits count; undefined: there is none. */
export function tailTarget(
  host: ProgramHost,
  { address, maxEntries }: Pick<LinkedMap, "address" | "maxEntries">,
  index: bigint,
): RunProgram | undefined {
  const place = Number(BigInt.asUintN(32, index));
  return place < maxEntries ? host.tail?.(address, place) : undefined;
}

export const TAIL_HELPERS: readonly Helper[] = [
  {
    id: 12,
    name: "tail_call",
    maps: ["prog_array"],
    parameters: [CONTEXT, MAP, SCALAR],
    action: { type: "tail" },
    result: "none",
    doc: "Goes on in the program under an index of a map of programs, which ends as this one's; on here where there is none, or 33 were before.",
  },
];
