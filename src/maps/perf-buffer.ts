/** A perf event array's records, by whoever has opened them: Linux's perf buffer, as libbpf has it. */
/// <reference lib="esnext.disposable" preserve="true" />
import { checkOptions } from "../arguments.ts";
import { AnyctxError, ERRNO } from "../error.ts";
import { type Core, LAYOUT } from "../wasm/face.ts";
import { wordAt } from "../wasm/reader.ts";
import { mapFailure } from "./failure.ts";
import type { MapInfo } from "./info.ts";
import { type ConsumeOptions, RecordQueue, type RecordsHost, takeRecords } from "./records.ts";

/** A record that a program handed over by `bpf_perf_event_output`. */
export interface PerfRecord {
  /** The CPU that the program ran on. */
  readonly cpu: number;
  /** A copy: exactly the bytes that were handed over, where Linux rounds their number up. */
  readonly bytes: Uint8Array;
  /** Records of this CPU that found no room between the one before and this one. */
  readonly lost: number;
}

export interface PerfBufferOptions {
  /**
   * Bytes of the ring of each CPU: a power of two from 4096 on. The first who opens a map's says how large they are, for as long as the
   * map is there: 64 KiB by default.
   */
  readonly bytes?: number;
}

/** What a buffer needs of its map. */
export interface PerfBufferHost extends RecordsHost {
  readonly info: MapInfo;
  /** The CPU that it was opened on, and how many there are. */
  readonly cpu: number;
  readonly cpus: number;
  /** Whether the map is open. */
  isOpen(): boolean;
  /** It is closed. */
  leave(buffer: PerfBuffer): void;
}

/** Opens the rings. @throws {AnyctxError} as `openPerfBuffer` */
export function openRings(core: Core, info: MapInfo, options: PerfBufferOptions): void {
  checkOptions("openPerfBuffer", options, ["bytes"]);
  const { bytes = 0 } = options;
  const isSize = bytes === 0 ? options.bytes === undefined : Number.isInteger(bytes) && bytes > 0 && bytes < 2 ** 32;
  const result = isSize ? core.perfOpen(info.address, bytes) : -ERRNO.EINVAL;
  if (result === -ERRNO.EINVAL)
    throw new AnyctxError("EINVAL", `A CPU's ring has a power of two of bytes, from 4096 to 1 GiB, not ${bytes}`);
  if (result === -ERRNO.EEXIST)
    throw new AnyctxError("EEXIST", `Map "${info.name}" has rings already, which are not of ${bytes} bytes`);
  if (result !== 0) throw mapFailure(info, result, "open the perf buffer of");
}

/**
 * What programs of all CPUs hand over while it is open. Made by `map.openPerfBuffer`. Several may be open, on any threads: each record
 * goes to one of them. It ends with its map: closed, or its arena detached.
 *
 * @example
 * ```ts
 * import { Arena, u32 } from "anyctx";
 *
 * using arena = await Arena.create({ maximumBytes: 64 << 20, cpus: 2 });
 * const options = { type: "perf_event_array", name: "events", key: u32, value: u32, maxEntries: 4 } as const;
 * const events = arena.createMap(options).openPerfBuffer();
 * console.log(events.take(), events.lost); // [] [ 0, 0 ]
 * events.close();
 * ```
 */
export class PerfBuffer {
  readonly #host: PerfBufferHost;
  /** What each CPU had lost when it was opened. */
  readonly #before: readonly number[];
  /** The CPU whose turn it is. */
  #next = 0;
  #isClosed = false;
  readonly #records = new RecordQueue<PerfRecord>();

  /** @internal */
  constructor(host: PerfBufferHost) {
    this.#host = host;
    this.#before = Array.from({ length: host.cpus }, (_, cpu) => host.core.perfLost(host.info.address, cpu));
  }

  get isOpen(): boolean {
    return !this.#isClosed && this.#host.isOpen();
  }

  #checkOpen(what: string): void {
    if (!this.isOpen) throw mapFailure(this.#host.info, -ERRNO.EBADF, `${what} the perf buffer of`);
  }

  /**
   * Takes records out: some of each CPU's, in their order; none if there are none. What one CPU put in before another is not known.
   * @throws {AnyctxError} EBADF, ENOMEM; ETIMEDOUT, EBUSY (as `delete`, of another consumer)
   */
  take(): PerfRecord[] {
    this.#checkOpen("consume");
    return this.#records.take(() => this.#takeMore());
  }

  #takeMore(): PerfRecord[] {
    const { info, cpus } = this.#host;
    const records: PerfRecord[] = [];
    for (let left = cpus; left > 0; left--) {
      const taken = this.#takeOf(this.#next);
      // What has been taken is not thrown away: the next call begins with what fails.
      if (typeof taken === "number" && records.length !== 0) return records;
      this.#next = (this.#next + 1) % cpus;
      if (typeof taken === "number") throw mapFailure(info, taken, "consume the perf buffer of");
      for (const record of taken) records.push(record);
    }
    return records;
  }

  #takeOf(cpu: number): PerfRecord[] | number {
    const { core, info } = this.#host;
    return takeRecords(this.#host, {
      consume: (room, bytes) => core.perfConsume(info.address, cpu, room, bytes),
      make: (bytes, lost) => ({ cpu, bytes, lost }),
    });
  }

  /**
   * The records as they come, until `signal` says no more, the buffer is closed or the map destroyed. Nobody wakes it: it looks every
   * `interval` milliseconds. Leaving the loop does not close the buffer, and what it has got out and not handed on the next look gives.
   * @throws {AnyctxError} as `take`; EINVAL: an option; UNSUPPORTED: the thread has no timers
   */
  consume(options: ConsumeOptions = {}): AsyncGenerator<PerfRecord, undefined, unknown> {
    this.#checkOpen("consume");
    return this.#records.consume(() => this.#takeWhileThere(), options);
  }

  /** As `#takeMore`; undefined: it is closed, or nothing is left of a map that was destroyed. */
  #takeWhileThere(): PerfRecord[] | undefined {
    if (!this.isOpen) return undefined;
    const { memory, info } = this.#host;
    const isDestroyed = wordAt(memory, info.address + LAYOUT.MapHeader.dyingTarget) !== 0;
    const records = this.#takeMore();
    return isDestroyed && records.length === 0 ? undefined : records;
  }

  /**
   * How many records of each CPU have found no room since this buffer was opened; those that nobody has got past yet among them.
   * @throws {AnyctxError} EBADF
   */
  get lost(): number[] {
    this.#checkOpen("count what was lost in");
    const { core, info } = this.#host;
    return this.#before.map((before, cpu) => (core.perfLost(info.address, cpu) - before) >>> 0);
  }

  /** Programs' records do not go here any more. What was not taken out is gone, unless another one is open. Closing twice does nothing. */
  close(): void {
    if (this.#isClosed) return;
    const { core, info, cpu } = this.#host;
    if (this.#host.isOpen()) core.perfClose(info.address, cpu);
    this.#isClosed = true;
    this.#host.leave(this);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
