/**
 * What a compiled program's checks cost: the same programs verified, with what is proven left out, and unverified, where the host is asked
 * about each store that goes where nobody knows.
 */
import { Arena } from "../arena/arena.ts";
import { FRAME_BYTES, MAX_FRAMES } from "../bpf/host.ts";
import type { MapSpec, ObjectSpec } from "../bpf/object/spec.ts";
import { programHost } from "../load/host.ts";
import { instantiateImage, loadSpec } from "../load/load.ts";
import { programObject } from "./program-object.ts";
import { type Spread, spreadOf } from "./statistics.ts";

export interface JitRow {
  readonly name: string;
  /** Nanoseconds for one turn of the program's loop. */
  readonly verified: Spread;
  readonly unverified: Spread;
}

const TURNS = 10_000;
/** Runs of a round. */
const RUNS = 200;
const CONTEXT_BYTES = 168;
const ARENA_BYTES = 1 << 24;

const loop = (before: string, body: string): string =>
  `r6 = 0\nr7 = 1\n${before}\nl:\n${body}\nr6 += 1\nif r6 < ${TURNS} goto l\nout:\nr0 = 0\nexit`;

const LOOKUP = `*(u32 *)(r10 - 4) = 0
r2 = r10
r2 += -4
r1 = map(0) ll
call map_lookup_elem
if r0 == 0 goto out
r8 = r0`;

/** A loop each: what differs is where it stores to. */
const PROGRAMS: Readonly<Record<string, string>> = {
  "arithmetic alone": loop("", "r7 *= 31\nr7 ^= r6"),
  "a variable on the stack": loop("", "*(u64 *)(r10 - 8) = r6\nr7 = *(u64 *)(r10 - 8)"),
  "an array on the stack, by an index": loop(
    "",
    "r1 = r6\nr1 &= 7\nr1 <<= 3\nr2 = r10\nr2 += -64\nr2 += r1\n*(u64 *)(r2 + 0) = r6",
  ),
  "a map's value": loop(LOOKUP, "*(u64 *)(r8 + 8) = r6"),
  "a map's value, by an index": loop(LOOKUP, "r1 = r6\nr1 &= 7\nr1 <<= 3\nr2 = r8\nr2 += r1\n*(u64 *)(r2 + 0) = r6"),
};

const MAP: MapSpec = {
  ...{ name: "values", bpfType: 2, keySize: 4, valueSize: 64, maxEntries: 4, flags: 0, readOnly: false },
};

/** Nanoseconds a turn, one number a round after one that warms up. */
async function time(object: ObjectSpec, verify: boolean, rounds: number): Promise<number[]> {
  const arena = await Arena.create({ maximumBytes: ARENA_BYTES });
  try {
    const loaded = loadSpec(arena, object, { verify });
    const [image] = loaded.programs;
    if (image === undefined) throw new Error(loaded.skipped.map(({ reason }) => reason).join());
    const run = instantiateImage(
      image,
      programHost(arena, () => undefined),
    );
    const stackTop = arena.allocate(FRAME_BYTES * MAX_FRAMES) + FRAME_BYTES * MAX_FRAMES;
    const [context, area] = [arena.allocate(CONTEXT_BYTES), arena.core.currentArea() >>> 0];
    const round = (): number => {
      const begin = performance.now();
      arena.core.readEnter();
      for (let count = 0; count < RUNS; count++) run(context, area, stackTop, CONTEXT_BYTES);
      arena.core.readLeave();
      return ((performance.now() - begin) * 1e6) / (RUNS * TURNS);
    };
    round();
    return Array.from({ length: rounds }, round);
  } finally {
    arena.detach();
  }
}

/** @param progress called with the share that is done, 0 to 1 */
export async function measureJit(rounds: number, progress: (share: number) => void): Promise<JitRow[]> {
  const rows: JitRow[] = [];
  const all = Object.entries(PROGRAMS);
  for (const [name, text] of all) {
    const object = programObject(name, "kprobe/f", text, MAP);
    const [verified, unverified] = [await time(object, true, rounds), await time(object, false, rounds)];
    rows.push({ name, verified: spreadOf(verified), unverified: spreadOf(unverified) });
    progress(rows.length / all.length);
  }
  return rows;
}
