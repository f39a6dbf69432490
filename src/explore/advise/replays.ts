/** Replays of the same objects and trace, each in an arena of its own with every hash dynamic. */
import { Arena } from "../../arena/arena.ts";
import { recordsIn } from "../../events/batch.ts";
import { type EventStream, missingIn } from "../../events/source.ts";
import type { LoadedObject, LoadOptions } from "../../load/load.ts";
import type { LoadedMap } from "../../load/maps.ts";
import { loadSeveral } from "../../load/several.ts";
import type { ProgramCounts } from "../../replay/counts.ts";
import type { InterruptRule } from "../../replay/interrupts.ts";
import { type ReplayResult, replay } from "../../replay/ordered.ts";
import { attaches } from "../../replay/runner.ts";
import { hookUpdates } from "../updates.ts";
import type { Usable } from "../usable.ts";
import { type ChargedAllocators, chargedAllocators, MemoryLimit } from "./memory-limit.ts";
import type { OpenStream } from "./recording.ts";
import { UserSpace, type UserSpaceOptions } from "./user-space.ts";
import { type Observed, Watched } from "./watched.ts";

/** What all replays of some advice have in common. */
export interface ReplaySettings {
  readonly cpus: number;
  /** Whether hashes ask the slab itself, as kernels after 6.18 may (forecast.ts). */
  readonly forecast?: boolean;
  /** By default nobody but programs fills maps. */
  readonly userSpace?: UserSpaceOptions;
  /** Bytes of the memory cgroup that the maps are charged to. */
  readonly memoryLimit?: number;
}

export interface ReplayOptions {
  readonly realTime: boolean;
  readonly rule: InterruptRule;
  readonly adaptive: boolean;
}

/** What was read, and what was not. */
export interface EventTally {
  readonly replayed: number;
  readonly skipped: number;
  /** Why, with how many. */
  readonly skippedBy: Readonly<Record<string, number>>;
  /** Events that the recording says were lost. */
  readonly lost: number;
}

export interface ProgramTally extends ProgramCounts {
  /** Whether the trace can have the event that it runs on. */
  readonly attached: boolean;
}

/** Called while it works: replays done, the one under way counted in part. How many there will be is not known before. */
export type AdviseProgress = (replays: number) => void;

const MEMORY_BYTES = 2 ** 32;
const SEED = 1;
const NO_USERS: UserSpaceOptions = { inserts: [], lateInterrupt: 0 };

export class Replays {
  /** Of the last replay's objects: sizes, names and programs, which are always the same. */
  loaded: LoadedObject | undefined;
  /** Of the last replay. */
  events: EventTally = { replayed: 0, skipped: 0, skippedBy: {}, lost: 0 };
  programs: readonly ProgramTally[] = [];
  done = 0;
  readonly settings: ReplaySettings;
  readonly #parts: readonly Usable[];
  /** Whether there is something to say without any program. */
  readonly #mayBeIdle: boolean;
  /** Whether user space fills maps. */
  readonly #hasUser: boolean;
  readonly #open: OpenStream;
  readonly #progress: AdviseProgress;
  /** Whether bpf(2) is entered in the trace: looked for once. */
  #hasCalls: boolean | undefined;

  constructor(parts: readonly Usable[], open: OpenStream, settings: ReplaySettings, progress: AdviseProgress) {
    this.#parts = parts;
    this.#hasUser = (settings.userSpace?.inserts.length ?? 0) > 0;
    this.#mayBeIdle = parts.some(({ missing }) => missing.length > 0) || this.#hasUser;
    this.#open = open;
    this.settings = settings;
    this.#progress = progress;
  }

  get maps(): readonly LoadedMap[] {
    return this.loaded?.maps ?? [];
  }

  async run(options: ReplayOptions): Promise<ReadonlyMap<string, Observed>> {
    const { cpus, forecast = false, userSpace = NO_USERS } = this.settings;
    const realTime = options.realTime && !forecast;
    const arena = await Arena.create({
      ...{ cpus, maximumBytes: MEMORY_BYTES, seed: SEED, profile: "linux", realTime },
      thresholds: options.adaptive ? "adaptive" : "fixed",
    });
    const { loaded, hashes, limit } = this.#load(arena, options.realTime);
    const stream = await this.#open();
    const user = new UserSpace(arena, hashes, stream.events, userSpace, () => limit?.apply());
    if (this.#hasUser) this.#hasCalls ??= await hasCalls(user, await this.#open());
    const result = await this.#replay({ arena, loaded, hashes, limit, stream, user, rule: options.rule });
    user.finish();
    this.loaded = loaded;
    this.events = eventTally(stream, result);
    this.programs = programTally(loaded, stream, result);
    this.#progress(++this.done);
    return new Map(hashes.map((hash) => [hash.name, user.blame(hash.name, hash.observed())]));
  }

  #load(arena: Arena, realTime: boolean): Pick<Run, "loaded" | "hashes" | "limit"> {
    const { forecast = false, memoryLimit } = this.settings;
    const charged = new Map<string, ChargedAllocators>();
    const wanted = this.#parts.map(({ object, label, mapEntries }) => {
      const allocators = memoryLimit === undefined ? undefined : chargedAllocators(arena, object);
      if (allocators !== undefined) charged.set(label ?? "", allocators);
      const options: LoadOptions = {
        hashes: "dynamic",
        ...(label === undefined ? {} : { label }),
        ...(mapEntries === undefined ? {} : { mapEntries }),
        ...(allocators === undefined ? {} : { allocators }),
        ...(this.#mayBeIdle ? { programs: "any" } : {}),
      };
      return { object, options };
    });
    const loaded = loadSeveral(arena, wanted);
    const hashes = loaded.maps
      .filter(({ map }) => map.info.kind.mayBeDynamic)
      .map(
        (each) => new Watched(arena, each, forecast && each.map.info.kind.memoryUse === "hash" ? realTime : undefined),
      );
    // A map that objects share was made for the first of them.
    const allocatorOf = ({ loaded: { spec, objects } }: Watched) => charged.get(objects[0] ?? "")?.get(spec.name);
    const limit = memoryLimit === undefined ? undefined : new MemoryLimit(arena, hashes, allocatorOf, memoryLimit);
    return { loaded, hashes, limit };
  }

  async #replay({ arena, loaded, hashes, limit, stream, user, rule }: Run): Promise<ReplayResult> {
    const { progress } = stream;
    const hooks = new Map(hashes.map((hash) => [hash.loaded.map.info.address, hash.hook]));
    return replay(
      ...([arena, loaded.programs, stream, rule, () => undefined] as const),
      () => this.#progress(this.done + part(progress.read, progress.total)),
      {
        host: (host) => hookUpdates(host, hooks),
        begin: () => user.begin(this.#hasCalls ?? false),
        event: (record) => {
          for (const hash of hashes) hash.look();
          limit?.apply();
          if (this.#hasUser) user.event(record);
        },
      },
    );
  }
}

interface Run {
  readonly arena: Arena;
  readonly loaded: LoadedObject;
  readonly hashes: readonly Watched[];
  readonly limit: MemoryLimit | undefined;
  readonly stream: EventStream;
  readonly user: UserSpace;
  readonly rule: InterruptRule;
}

async function hasCalls(user: UserSpace, stream: EventStream): Promise<boolean> {
  for await (const batch of stream.batches) {
    const view = new DataView(batch.bytes.buffer, batch.bytes.byteOffset, batch.bytes.length);
    for (const { at } of recordsIn(batch)) if (user.isCall(view, at)) return true;
  }
  return false;
}

function part(read: number, all: number | undefined): number {
  return all === undefined || all === 0 ? 0 : Math.min(1, read / all);
}

function eventTally({ counts }: EventStream, result: ReplayResult): EventTally {
  return { replayed: result.counts.replayed, ...missingIn(counts) };
}

function programTally({ programs }: LoadedObject, { events }: EventStream, { counts }: ReplayResult): ProgramTally[] {
  return counts.programs.map((row, index) => {
    const image = programs[index];
    return { ...row, attached: image !== undefined && events.some((event) => attaches(image, event)) };
  });
}
