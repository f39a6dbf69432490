/** What recordings tell of the kernel's objects, beyond a single event. */
import { taskAddress } from "../bpf/kernel/addresses.ts";
import { addressOf, type KernelObject, type RecordReader, type Told } from "../bpf/kernel/object.ts";
import { RECORD } from "../events/record.ts";

/** Objects of which something is kept; those told of longest ago are forgotten. */
const MOST_KEPT = 1 << 16;
const PAGE_BITS = 12n;
/** Pages that the largest object takes, and one more where it does not begin with one. */
const MOST_PAGES = 5;

/** Takes what stays from the records of one kind of event. */
export interface Keeper {
  readonly reader: RecordReader;
  readonly objects: readonly KernelObject[];
}

export interface KeptObject {
  readonly address: bigint;
  readonly structs: readonly string[];
  /** By the way to a member. */
  readonly facts: Map<string, Told>;
}

export class KeptFacts {
  readonly #objects = new Map<bigint, KeptObject>();
  /** Addresses of objects by the page that they begin in. */
  readonly #pages = new Map<bigint, Set<bigint>>();
  /** Where objects lie that are told of as members of others. */
  readonly #inner = new Map<bigint, bigint>();
  readonly #processes = new Map<number, number>();

  of(address: bigint): KeptObject | undefined {
    return this.#objects.get(address);
  }

  /** The object that begins at an address or last before it. */
  around(address: bigint): KeptObject | undefined {
    for (let back = 0; back < MOST_PAGES; back++) {
      let last: bigint | undefined;
      for (const each of this.#pages.get((address >> PAGE_BITS) - BigInt(back)) ?? [])
        if (each <= address && (last === undefined || each > last)) last = each;
      if (last !== undefined) return this.#objects.get(this.#inner.get(last) ?? last);
    }
    return undefined;
  }

  keep(address: bigint, structs: readonly string[], path: string, told: Told): void {
    if (told === undefined || address === 0n) return;
    const object = this.#objects.get(address) ?? { address, structs, facts: new Map<string, Told>() };
    object.facts.set(path, told);
    this.#objects.delete(address);
    this.#objects.set(address, object);
    this.#note(address);
    if (this.#objects.size > MOST_KEPT) this.#forgetOldest();
  }

  /** What lies at an address is told of with the object that led to it. */
  lead(address: bigint, outer: bigint): void {
    if (this.#inner.has(address) || this.#objects.has(address) || !this.#objects.has(outer)) return;
    if (this.#inner.size >= MOST_KEPT) this.#forgetInner();
    this.#inner.set(address, outer);
    this.#note(address);
  }

  #note(address: bigint): void {
    const page = address >> PAGE_BITS;
    const others = this.#pages.get(page);
    if (others === undefined) this.#pages.set(page, new Set([address]));
    else others.add(address);
  }

  #forgetOldest(): void {
    const [oldest] = this.#objects.keys();
    if (oldest === undefined) return;
    this.#objects.delete(oldest);
    this.#unnote(oldest);
  }

  #forgetInner(): void {
    for (const address of this.#inner.keys()) if (!this.#objects.has(address)) this.#unnote(address);
    this.#inner.clear();
  }

  #unnote(address: bigint): void {
    const page = address >> PAGE_BITS;
    const others = this.#pages.get(page);
    others?.delete(address);
    if (others?.size === 0) this.#pages.delete(page);
  }

  /** What a record tells of the process that a task belongs to, and of objects that its event is about. */
  see(view: DataView, record: number, keeper: Keeper | undefined): void {
    const pid = view.getUint32(record + RECORD.pidTgid, true);
    const tgid = view.getUint32(record + RECORD.pidTgid + 4, true);
    if (pid !== tgid && this.#processes.get(pid) !== tgid) {
      this.#processes.set(pid, tgid);
      this.keep(taskAddress(pid, 0), ["task_struct"], "tgid", BigInt(tgid));
    }
    if (keeper === undefined) return;
    const reader = keeper.reader.at(view, record);
    for (const object of keeper.objects) {
      const address = addressOf(object, reader);
      for (const path of object.keeps ?? []) this.keep(address, object.structs, path, object.tells[path]?.(reader));
    }
  }
}
