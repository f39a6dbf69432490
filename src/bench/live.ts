/**
 * What a live source costs: calls of a function with programs on it, and without, in turn. The function adds to a number, so that it is
 * not left out.
 */
import { Arena } from "../arena/arena.ts";
import type { MapSpec } from "../bpf/object/spec.ts";
import { method } from "../load/live/functions.ts";
import { loadSpec } from "../load/load.ts";
import { PreparedProgram } from "../load/prepared.ts";
import type { TypedProgram } from "../load/typed-object.ts";
import { programObject } from "./program-object.ts";
import { type Spread, spreadOf } from "./statistics.ts";

export interface LiveRow {
  readonly name: string;
  /** Nanoseconds that the program adds to a call. */
  readonly nanoseconds: Spread;
}

const CALLS = 200_000;
const COUNT = `*(u32 *)(r10 - 4) = 0
r2 = r10
r2 += -4
r1 = map(0) ll
call map_lookup_elem
if r0 == 0 goto out
r1 = 1
lock *(u64 *)(r0 + 0) += r1
out:
r0 = 0
exit`;

const PROGRAMS: Readonly<Record<string, { readonly section: string; readonly text: string }>> = {
  "an empty program before it": { section: "fentry/f", text: "r0 = 0\nexit" },
  "an empty program after it": { section: "fexit/f", text: "r0 = 0\nexit" },
  "one that takes both arguments": {
    section: "fentry/f",
    text: "r2 = *(u64 *)(r1 + 0)\nr3 = *(u64 *)(r1 + 8)\nr0 = 0\nexit",
  },
  "one that asks for the time": { section: "fentry/f", text: "call ktime_get_ns\nr0 = 0\nexit" },
  "one that counts in a map": { section: "fentry/f", text: COUNT },
};

const COUNTS: MapSpec = {
  ...{ name: "counts", bpfType: 2, keySize: 4, valueSize: 8, maxEntries: 1, flags: 0, readOnly: false },
};

/** Nanoseconds a call. */
function time(owner: { f(a: number, b: number): number }): number {
  let sum = 0;
  const begin = performance.now();
  for (let call = 0; call < CALLS; call++) sum = owner.f(sum & 1023, call);
  const end = performance.now();
  if (sum < 0) throw new RangeError("a sum of what is not negative");
  return ((end - begin) * 1e6) / CALLS;
}

/** @param rounds of each, after one that warms up */
export async function measureLive(
  rounds = 11,
  progress: (share: number) => void = () => undefined,
): Promise<readonly LiveRow[]> {
  const rows: LiveRow[] = [];
  const names = Object.keys(PROGRAMS);
  for (const [name, { section, text }] of Object.entries(PROGRAMS)) {
    const arena = await Arena.create({ maximumBytes: 1 << 24 });
    const loaded = loadSpec(arena, programObject("live", section, text, COUNTS), {
      engine: "interpreter",
      verify: true,
    });
    const [image] = loaded.programs;
    if (image === undefined) continue;
    const prepare = (): PreparedProgram => new PreparedProgram(arena, image, loaded, {}, { pid: 1, comm: "bench" });
    const program = { name: "live", prepare } as unknown as TypedProgram;
    const owner = { f: (a: number, b: number): number => (a + b) & 0xffff };
    const added: number[] = [];
    for (let round = -1; round < rounds; round++) {
      const without = time(owner);
      const link = method(owner, "f").attach(() => undefined as never, program);
      const withProgram = time(owner);
      link.close();
      if (round >= 0) added.push(withProgram - without);
      progress((rows.length + (round + 2) / (rounds + 1)) / names.length);
    }
    rows.push({ name, nanoseconds: spreadOf(added) });
    arena.detach();
  }
  return rows;
}
