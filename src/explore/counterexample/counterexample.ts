/**
 * From a refused access to inputs with which it faults. The verifier says on which path it was; a search changes what a run is given
 * so that its branches come out as on that path, one after another, by what they compare; then the numbers that the run
 * has read are set to what is at the ends of ranges, and at last at random. Each trial is a run of the interpreter.
 */
import { Arena } from "../../arena/arena.ts";
import type { ObjectSpec } from "../../bpf/object/spec.ts";
import { packetBegin } from "../../bpf/programs/packet-struct.ts";
import type { ProgramKind } from "../../bpf/programs/program-type.ts";
import { programType } from "../../bpf/programs/table.ts";
import { AnyctxError } from "../../error.ts";
import { DirectRuns } from "../../load/direct.ts";
import { type LoadedObject, loadSpec } from "../../load/load.ts";
import type { ProgramVerdict } from "../../load/verify.ts";
import { Snapshots } from "../snapshot.ts";
import {
  type CounterexampleStep,
  firstInputs,
  hex,
  type InputPlace,
  putEntries,
  runOf,
  stepOf,
  type TrialInputs,
  withEntry,
  withNumber,
} from "./inputs.ts";
import { type Layout, type SeenBranch, Watcher } from "./watch.ts";

export interface Counterexample {
  /** What `anyctx test` takes: that the run is stopped by this fault is what it expects. */
  readonly steps: readonly CounterexampleStep[];
  /** What the interpreter said. */
  readonly fault: string;
  /** Runs until it was found. */
  readonly trials: number;
}

const MEMORY_BYTES = 1 << 26;
const SEED = 1;
/** Trials of one search, and how often a program is run on the same inputs where it goes on from what it did before. */
const MOST_TRIALS = 1000;
/** Instructions of all trials together: what runs for long in vain is not run often. */
const MOST_STEPS = 3_000_000;
const MOST_TIMES = 300;

/** No context is longer. */
const MOST_CONTEXT = 65_536;

/** Numbers at the ends of what programs compare with. */
const EXTREMES: readonly bigint[] = [
  ...[0n, 1n, 2n, 7n, 8n, 16n, 63n, 64n, 127n, 128n, 255n, 256n, 512n, 1024n, 4096n],
  ...[2n ** 15n, 2n ** 16n - 1n, 2n ** 20n, 2n ** 31n - 1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 63n - 1n, 2n ** 63n, -1n],
];

interface Trial {
  readonly inputs: TrialInputs;
  readonly seen: Watcher;
  /** Branches of the path that came out as there. */
  readonly matched: number;
  /** The first that did not. */
  readonly deviation: SeenBranch | undefined;
  readonly fault: string | undefined;
}

/** How far a run followed the path: branches that can come out one way only are not on it. */
function follow(
  branches: ProgramVerdict["branches"],
  seen: readonly SeenBranch[],
): Pick<Trial, "matched" | "deviation"> {
  let matched = 0;
  for (const branch of seen) {
    const wanted = branches[matched];
    if (wanted === undefined) break;
    if (branch.at !== wanted.at) continue;
    if (branch.taken !== wanted.taken) return { matched, deviation: branch };
    matched++;
  }
  return { matched, deviation: undefined };
}

class Search {
  readonly #verdict: ProgramVerdict;
  readonly #loaded: LoadedObject;
  readonly #runs: DirectRuns;
  readonly #snapshots: Snapshots;
  readonly #kind: ProgramKind;
  readonly #known = new Set<string>();
  readonly #open: Trial[] = [];
  readonly #target: number;
  #best: Trial | undefined;
  #random = SEED;
  #steps = 0;
  trials = 0;

  constructor(verdict: ProgramVerdict, arena: Arena, loaded: LoadedObject, kind: ProgramKind) {
    this.#verdict = verdict;
    this.#loaded = loaded;
    this.#kind = kind;
    this.#target = verdict.at?.instruction ?? 0;
    this.#runs = new DirectRuns(arena, loaded);
    this.#snapshots = new Snapshots(arena);
  }

  find(): Counterexample | undefined {
    for (const inputs of firstInputs(this.#kind, this.#verdict.contextBytes)) {
      const found = this.#try(inputs);
      if (found !== undefined) return found;
    }
    while (!this.#isOver()) {
      const trial = this.#next();
      if (trial === undefined) break;
      for (const inputs of this.#changes(trial)) {
        const found = this.#try(inputs);
        if (found !== undefined) return found;
        if (this.#isOver()) break;
      }
    }
    return this.#again();
  }

  #isOver(): boolean {
    return this.trials >= MOST_TRIALS || this.#steps >= MOST_STEPS;
  }

  /** The trial that followed the path furthest, once. */
  #next(): Trial | undefined {
    let best = -1;
    this.#open.forEach((trial, index) => {
      const other = this.#open[best];
      if (other === undefined || score(trial) > score(other)) best = index;
    });
    return best < 0 ? undefined : this.#open.splice(best, 1)[0];
  }

  #layout({ packet }: TrialInputs): Layout {
    const { packet: struct } = programType(this.#kind);
    if (struct === undefined) return { struct: MOST_CONTEXT, packet: undefined, end: 0 };
    const begin = packetBegin(struct);
    return { struct: struct.bytes, packet: begin, end: begin + (packet?.length ?? 0) };
  }

  #run(inputs: TrialInputs, watcher: Watcher): string | undefined {
    const { error } = this.#runs.run(runOf(this.#verdict.program, inputs), watcher.watch);
    this.#steps += watcher.steps;
    const at = new RegExp(`instruction ${this.#target} \\(`);
    return error !== undefined && at.test(error) ? error : undefined;
  }

  #try(inputs: TrialInputs): Counterexample | undefined {
    const name = nameOf(inputs);
    if (this.#known.has(name)) return undefined;
    this.#known.add(name);
    this.trials++;
    this.#snapshots.restore();
    putEntries(this.#loaded.maps, inputs.entries);
    const seen = new Watcher(this.#target, this.#layout(inputs));
    const fault = this.#run(inputs, seen);
    if (fault !== undefined) return this.#found(inputs, 1, fault);
    const trial = { inputs, seen, fault, ...follow(this.#verdict.branches, seen.branches) };
    this.#open.push(trial);
    if (this.#best === undefined || score(trial) > score(this.#best)) this.#best = trial;
    return undefined;
  }

  #found(inputs: TrialInputs, times: number, fault: string): Counterexample {
    const { program } = this.#verdict;
    const expected = `instruction ${this.#target} (`;
    return { steps: [stepOf(program, inputs, times, expected)], fault, trials: this.trials };
  }

  /** Runs on the same inputs, again and again, on what the runs before have left: a ring buffer fills up. */
  #again(): Counterexample | undefined {
    if (this.#best === undefined) return undefined;
    const { inputs } = this.#best;
    this.#snapshots.restore();
    putEntries(this.#loaded.maps, inputs.entries);
    for (let times = 1; times <= MOST_TIMES && this.#steps < 2 * MOST_STEPS; times++) {
      const fault = this.#run(inputs, new Watcher(this.#target, this.#layout(inputs)));
      this.trials++;
      if (fault !== undefined) return this.#found(inputs, times, fault);
    }
    return undefined;
  }

  /** Other inputs, those that should go further first. */
  *#changes(trial: Trial): Generator<TrialInputs> {
    yield* this.#towards(trial);
    yield* this.#entries(trial);
    if (trial.deviation === undefined) yield* this.#ends(trial);
  }

  /** Inputs with which the branch that came out otherwise may come out as it should. */
  *#towards({ inputs, seen, deviation }: Trial): Generator<TrialInputs> {
    if (deviation === undefined) return;
    const { left, right } = deviation;
    const numbers = [...seen.numbers].reverse();
    const places: { place: InputPlace; value: bigint }[] =
      inputs.packet === undefined
        ? numbers
        : [{ place: { of: "length" }, value: BigInt(inputs.packet.length) }, ...numbers];
    for (const { place, value } of places)
      for (const by of [right - left, left - right])
        for (const near of [0n, 1n, -1n]) yield withNumber(inputs, place, value + by + near);
    for (const { place } of places)
      for (const end of [left, right, right + 1n, right - 1n, 0n, 1n, -1n]) yield withNumber(inputs, place, end);
  }

  /** Entries that a lookup would find, or would no longer find. */
  *#entries({ inputs, seen }: Trial): Generator<TrialInputs> {
    for (const { map, key, bytes, value } of seen.lookups) {
      const isThere = inputs.entries.get(map)?.has(key) === true;
      if (isThere) yield { ...inputs, entries: withEntry(inputs.entries, map, key, undefined) };
      for (const fill of isThere && value !== 0 ? [0xff] : [0, 0xff])
        yield { ...inputs, entries: withEntry(inputs.entries, map, key, new Uint8Array(bytes).fill(fill)) };
    }
  }

  /** Numbers at the ends of ranges in every place, and some at random in all of them together. */
  *#ends({ inputs, seen }: Trial): Generator<TrialInputs> {
    const places = placesOf(seen);
    for (const place of places) for (const end of EXTREMES) yield withNumber(inputs, place, end);
    if (inputs.packet !== undefined)
      for (let length = 0; length < 64; length++) yield withNumber(inputs, { of: "length" }, BigInt(length));
    if (places.length < 2) return;
    for (let round = 0; round < 64; round++)
      yield places.reduce((changed, place) => withNumber(changed, place, this.#pick()), inputs);
  }

  #pick(): bigint {
    this.#random = (Math.imul(this.#random, 1103515245) + 12345) >>> 0;
    const index = (this.#random >>> 8) % (EXTREMES.length + 1);
    return EXTREMES[index] ?? BigInt(this.#random >>> 4);
  }
}

function score({ matched, seen }: Trial): number {
  return matched * 2 + (seen.reached ? 1 : 0);
}

function nameOf({ context, packet, entries, time, pidTgid, uidGid }: TrialInputs): string {
  const parts = [...entries].map(
    ([map, values]) => `${map}:${[...values].map(([key, value]) => `${key}=${hex(value)}`).join()}`,
  );
  return [hex(context ?? new Uint8Array(0)), hex(packet ?? new Uint8Array(0)), ...parts, time, pidTgid, uidGid].join(
    "/",
  );
}

/** Each place once. */
function placesOf({ numbers }: Watcher): InputPlace[] {
  return [...new Map(numbers.map(({ place }) => [JSON.stringify(place), place])).values()];
}

/** What is said where a search has tried all that it would. */
const NOTHING_FOUND = "no input was found with which this access faults: probably a false rejection";

/** An input with which the refused access faults, or why there is none to show. */
export type SearchResult = { readonly found: Counterexample } | { readonly why: string };

export async function findCounterexample(object: ObjectSpec, verdict: ProgramVerdict): Promise<SearchResult> {
  const program = object.programs.find(({ name }) => name === verdict.program);
  if (program === undefined || "reason" in program.kind) return { why: "the program cannot run here" };
  const arena = await Arena.create({ maximumBytes: MEMORY_BYTES, seed: SEED });
  try {
    const alone: ObjectSpec = { ...object, programs: [{ ...program, autoload: true }] };
    const loaded = loadSpec(arena, alone, { engine: "interpreter" });
    const found = new Search(verdict, arena, loaded, program.kind).find();
    return found === undefined ? { why: NOTHING_FOUND } : { found };
  } catch (error) {
    if (!(error instanceof AnyctxError)) throw error;
    return { why: `no input was looked for: ${error.message}` };
  } finally {
    arena.detach();
  }
}
