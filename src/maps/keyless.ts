/** What maps without keys have beside values: records that are put in and taken out, pages that are allocated and freed. */
import { refuse, show } from "../arguments.ts";
import { AnyctxError, ERRNO } from "../error.ts";
import { CONSTANTS } from "../wasm/face.ts";
import { firstPointer, pageAt, pagesThere, pointerTo, readPages, writePages } from "./arena-pages.ts";
import { bytesOf, lengthOfBytes } from "./codec/typed-array.ts";
import { mapFailure } from "./failure.ts";
import type { MapKind } from "./kinds.ts";
import { ModifiedEntries } from "./modify.ts";
import { openRings, PerfBuffer, type PerfBufferOptions } from "./perf-buffer.ts";
import { type ConsumeOptions, putRecord, RecordQueue, type RecordsHost, takeRecords } from "./records.ts";

export class KeylessEntries<K, V> extends ModifiedEntries<K, V> {
  /** What works on the map's memory. */
  get #place(): RecordsHost {
    return { core: this.core, memory: this.host.memory, room: this.host.room };
  }

  readonly #memory = new Uint8Array(this.host.memory.buffer);
  readonly #perfBuffers: Set<PerfBuffer> = new Set();
  readonly #records = new RecordQueue<Uint8Array>();

  /**
   * Puts a record into a ring buffer, or into one from which programs take them.
   * @returns 0, or -EAGAIN: there is no room now, or this thread may not wait for another one that puts one in; -EBADF, -EPERM
   * @throws {AnyctxError} EINVAL for another kind, and for what is no Uint8Array
   */
  output(record: Uint8Array): number {
    if (!this.isOpen) return -ERRNO.EBADF;
    this.#checkRecords();
    const length = lengthOfBytes(record);
    if (length < 0) refuse("output", "a Uint8Array whose buffer is there", "record", record);
    return putRecord(this.core, this.#memory, this.info.address, record, length);
  }

  /**
   * Takes records out of a ring buffer in their order: some of those that are in, none if there are none.
   * @throws {AnyctxError} EINVAL for another kind, and where programs take them out; EBADF, ENOMEM; ETIMEDOUT, EBUSY (as `delete`, of another consumer)
   */
  takeRecords(): Uint8Array[] {
    this.checkOpen("consume");
    this.#checkRecords("threads");
    return this.#records.take(() => this.#takeMore());
  }

  #takeMore(): Uint8Array[] {
    this.checkOpen("consume");
    const { address } = this.info;
    const records = takeRecords(this.#place, {
      consume: (room, bytes) => this.core.ringbufConsume(address, room, bytes),
      make: (record) => record,
    });
    if (typeof records === "number") throw mapFailure(this.info, records, "consume");
    return records;
  }

  /**
   * The records of a ring buffer as they come, until `signal` says no more. Nobody wakes it: it looks every `interval` milliseconds.
   * What it has got out and not handed on when the loop is left, the next look of this object gives.
   * @throws {AnyctxError} as `takeRecords`; EINVAL: an option; UNSUPPORTED: the thread has no timers
   */
  consume(options: ConsumeOptions = {}): AsyncGenerator<Uint8Array, undefined, unknown> {
    this.checkOpen("consume");
    this.#checkRecords("threads");
    return this.#records.consume(() => this.#takeMore(), options);
  }

  #checkRecords(consumer: MapKind["records"] = this.info.kind.records): void {
    const { type, records } = this.info.kind;
    if (records === undefined) throw new AnyctxError("EINVAL", `Map "${this.info.name}" has no records: it is ${type}`);
    if (records !== consumer)
      throw new AnyctxError("EINVAL", `Records of map "${this.info.name}" are for programs to take: it is ${type}`);
  }

  /**
   * Opens the records that programs hand over by `bpf_perf_event_output`, those of all CPUs: before, and once nobody has them open, the
   * helper answers -ENOENT.
   * @throws {AnyctxError} EINVAL for another kind, and for what is no size; EEXIST: the rings are there in another size; EBADF, EPERM,
   * ENOMEM, ETIMEDOUT
   */
  openPerfBuffer(options: PerfBufferOptions = {}): PerfBuffer {
    this.checkOpen("open the perf buffer of", "mayWrite");
    const { core, info } = this;
    if (info.kind.placeForEachCpu !== true)
      throw new AnyctxError("EINVAL", `Map "${info.name}" has no perf buffer: it is ${info.kind.type}`);
    const { memory, cpu } = this.host;
    openRings(core, info, options);
    const buffer = new PerfBuffer({
      ...{ core, memory, info, cpu, room: this.host.room, cpus: core.cpuCount() },
      isOpen: () => this.isOpen,
      leave: (each) => this.#perfBuffers.delete(each),
    });
    this.#perfBuffers.add(buffer);
    return buffer;
  }

  /** As `close` of every map, and of its perf buffers. */
  override close(): void {
    for (const buffer of this.#perfBuffers) buffer.close();
    super.close();
  }

  /**
   * Allocates pages of zeroes of an arena map, side by side, as `bpf_arena_alloc_pages` does.
   * @param at the pointer to the first of them; if not given, the first that are free
   * @returns the pointer to the first, as programs have it; undefined: no such pages are free, or memory is out
   * @throws {AnyctxError} EINVAL for another kind, for what is no count and no pointer; EBADF
   */
  allocatePages(count = 1, at = 0n): bigint | undefined {
    this.#checkPages("allocate pages of", count, at);
    if (at % BigInt(CONSTANTS.ARENA_PAGE_BYTES) !== 0n) return undefined;
    const { address } = this.info;
    const first = firstPointer(this.#place, address);
    const from = at === 0n ? CONSTANTS.ARENA_NOWHERE : pageAt(first, at);
    return pointerTo(first, this.core.arenaAllocatePages(address, from, count) >>> 0) || undefined;
  }

  /**
   * Frees pages of an arena map, which read as zeroes then: the one that a pointer leads into, and those behind it.
   * @throws {AnyctxError} as `allocatePages`
   */
  freePages(pointer: bigint, count = 1): void {
    this.#checkPages("free pages of", count, pointer);
    const first = firstPointer(this.#place, this.info.address);
    this.core.arenaFreePages(this.info.address, pageAt(first, pointer), count);
  }

  /**
   * A copy of bytes of an arena map; of pages that are not there zeroes.
   * @throws {AnyctxError} EINVAL for another kind, and where there are no such bytes; EBADF
   */
  readBytes(pointer: bigint, bytes: number): Uint8Array {
    this.#checkPages("read", bytes, pointer);
    return readPages(this.#place, this.info.address, pointer, bytes);
  }

  /**
   * Writes bytes of an arena map. Pages that are not there are there then, as in Linux when user space touches them.
   * @returns 0; -ENOMEM; -EFAULT: the map was created with BPF_F_SEGV_ON_FAULT, and the page is not there
   * @throws {AnyctxError} as `readBytes`
   */
  writeBytes(pointer: bigint, bytes: Uint8Array): number {
    const given = bytesOf(bytes);
    if (given === undefined) refuse("writeBytes", "a Uint8Array whose buffer is there", "bytes", bytes);
    this.#checkPages("write", given.length, pointer);
    return writePages(this.#place, this.info.address, pointer, given);
  }

  /**
   * Pointers to the pages of an arena map that are there, in their order.
   * @throws {AnyctxError} EINVAL for another kind; EBADF
   */
  pages(): Generator<bigint, undefined, unknown> {
    const what = "go through the pages of";
    this.#checkPages(what, 0, 0n);
    return pagesThere(this.#place, this.info.address, () => this.checkOpen(what));
  }

  #checkPages(what: string, count: number, pointer: bigint): void {
    this.checkOpen(what);
    const { name, kind } = this.info;
    if (kind.pages !== true) throw new AnyctxError("EINVAL", `Map "${name}" has no pages: it is ${kind.type}`);
    if (!Number.isInteger(count) || count < 0 || count >= 2 ** 32)
      throw new AnyctxError("EINVAL", `Cannot ${what} map "${name}": ${show(count)} is no count`);
    if (typeof pointer !== "bigint")
      throw new AnyctxError(
        "EINVAL",
        `Cannot ${what} map "${name}": ${show(pointer)} is no pointer, which is a bigint`,
      );
  }
}
