/**
 * The kernel's memory during a run on an event: the objects that the event is about, and the current task. What the event tells of them
 * is there, and what others told before of the same object and does not change; the rest is 0, and reading it is remembered by name.
 */
import type { KernelMemory } from "../bpf/host.ts";
import { OBJECT_BYTES, objectAddress, taskAddress } from "../bpf/kernel/addresses.ts";
import { findPlace, type Layouts, type StructLayout } from "../bpf/kernel/layout.ts";
import { addressOf, type EventReader, type KernelObject, RecordReader, type Told } from "../bpf/kernel/object.ts";
import type { EventFormat } from "../events/event.ts";
import { RECORD } from "../events/record.ts";

/** Objects of which something is kept; those told of longest ago are forgotten. */
const MOST_KEPT = 1 << 16;
/** Pointers on the way to a member. */
const MOST_POINTERS = 8;
/** Bytes of a text that a pointer leads to. */
const MOST_TEXT = 4096;
const POINTER_BYTES = 8;

/** Takes what stays from the records of one kind of event. */
export interface Keeper {
  readonly reader: RecordReader;
  readonly objects: readonly KernelObject[];
}

/** What is known of objects beyond a single event, by address and the way to a member. */
export class KeptFacts {
  readonly #facts = new Map<bigint, Map<string, Told>>();
  readonly #processes = new Map<number, number>();

  of(address: bigint): ReadonlyMap<string, Told> | undefined {
    return this.#facts.get(address);
  }

  keep(address: bigint, path: string, told: Told): void {
    if (told === undefined) return;
    const facts = this.#facts.get(address) ?? new Map<string, Told>();
    facts.set(path, told);
    this.#facts.delete(address);
    this.#facts.set(address, facts);
    if (this.#facts.size <= MOST_KEPT) return;
    const [oldest] = this.#facts.keys();
    if (oldest !== undefined) this.#facts.delete(oldest);
  }

  /** What a record tells of the process that a task belongs to, and of objects that its event is about. */
  see(view: DataView, record: number, keeper: Keeper | undefined): void {
    const pid = view.getUint32(record + RECORD.pidTgid, true);
    const tgid = view.getUint32(record + RECORD.pidTgid + 4, true);
    if (pid !== tgid && this.#processes.get(pid) !== tgid) {
      this.#processes.set(pid, tgid);
      this.keep(taskAddress(pid, 0), "tgid", BigInt(tgid));
    }
    if (keeper === undefined) return;
    const reader = keeper.reader.at(view, record);
    for (const object of keeper.objects) {
      const address = addressOf(object, reader);
      for (const path of object.keeps ?? []) this.keep(address, path, object.tells[path]?.(reader));
    }
  }
}

/** An object, as far as it is told. */
interface Instance {
  readonly address: bigint;
  readonly name: string;
  readonly layout: StructLayout;
  readonly bytes: Uint8Array;
  /** By byte: 1 where it is told. */
  readonly told: Uint8Array;
}

/** Of a type that the object's programs do not have. */
const NOTHING_KNOWN: StructLayout = { size: 0, places: [] };

const ASCII = (text: string): Uint8Array => Uint8Array.from(text, (letter) => letter.charCodeAt(0));

/** The same for one event after the other; of one kind of event. */
export class EventMemory implements KernelMemory {
  readonly #layouts: Layouts;
  readonly #objects: readonly KernelObject[];
  readonly #reader: RecordReader;
  readonly #facts: KeptFacts;
  readonly #view: DataView;
  #record = 0;
  /** Of the current event: what was asked for, by address. */
  #instances: Instance[] | undefined;
  #missing = new Set<string>();

  /** @param view the memory that records lie in */
  constructor(
    view: DataView,
    layouts: Layouts,
    format: EventFormat | undefined,
    objects: readonly KernelObject[],
    facts: KeptFacts,
  ) {
    this.#view = view;
    this.#layouts = layouts;
    this.#objects = objects;
    this.#reader = new RecordReader(format);
    this.#facts = facts;
  }

  /** A run on another record begins. */
  begin(record: number): void {
    this.#record = record;
    this.#instances = undefined;
    this.#missing = new Set();
  }

  /** Members that were read and that nobody has told, as `struct.member`. */
  get missing(): ReadonlySet<string> {
    return this.#missing;
  }

  read(address: bigint, bytes: number): Uint8Array | undefined {
    const found = this.#find(address);
    if (found === undefined) return undefined;
    const { instance, from } = found;
    this.#note(instance, from, bytes);
    const read = new Uint8Array(bytes);
    read.set(instance.bytes.subarray(from, from + bytes));
    return read;
  }

  /** A text with its NUL, or as much of it as there is. */
  readText(address: bigint, most: number): Uint8Array | undefined {
    const found = this.#find(address);
    if (found === undefined) return undefined;
    const { instance, from } = found;
    const text = instance.bytes.subarray(from, from + most);
    const end = text.indexOf(0);
    const whole = end < 0 ? text : text.subarray(0, end + 1);
    this.#note(instance, from, whole.length);
    return whole.slice();
  }

  #find(address: bigint): { instance: Instance; from: number } | undefined {
    this.#instances ??= this.#build();
    for (const instance of this.#instances) {
      const from = address - instance.address;
      if (from >= 0n && from < OBJECT_BYTES) return { instance, from: Number(from) };
    }
    return undefined;
  }

  #note({ told, layout, name }: Instance, from: number, bytes: number): void {
    let untold = from;
    while (untold < from + bytes && told[untold] === 1) untold++;
    if (untold === from + bytes) return;
    const place = layout.places.find(({ offset, size }) => untold >= offset && untold < offset + size);
    this.#missing.add(place === undefined ? `${name} + ${untold}` : `${name}.${place.name}`);
  }

  #build(): Instance[] {
    const reader = this.#reader.at(this.#view, this.#record);
    const instances: Instance[] = [];
    this.#tellCurrent(instances, reader);
    for (const object of this.#objects) {
      const address = addressOf(object, reader);
      if (address === 0n) continue;
      const [outermost] = object.structs;
      this.#add(instances, address, object.structs.find((each) => this.#layouts.has(each)) ?? outermost);
      for (const [path, tell] of Object.entries(object.otherwise ?? {}))
        this.#tell(instances, address, object, path, tell(reader));
      for (const [path, told] of this.#facts.of(address) ?? []) this.#tell(instances, address, object, path, told);
      for (const [path, tell] of Object.entries(object.tells))
        this.#tell(instances, address, object, path, tell(reader));
    }
    return instances;
  }

  /** The task that the event is of. */
  #tellCurrent(instances: Instance[], reader: EventReader): void {
    const pid = this.#view.getInt32(this.#record + RECORD.pid, true);
    const address = taskAddress(pid, reader.cpu);
    const tgid = this.#view.getUint32(this.#record + RECORD.pidTgid + 4, true);
    const name = new Uint8Array(this.#view.buffer, this.#view.byteOffset + this.#record + RECORD.comm, 16).slice();
    const task: KernelObject = { structs: ["task_struct"], identity: () => ({ address }), tells: {} };
    this.#add(instances, address, "task_struct");
    for (const [path, told] of this.#facts.of(address) ?? []) this.#tell(instances, address, task, path, told);
    for (const [path, told] of [
      ["pid", BigInt(pid)],
      ["tgid", BigInt(tgid)],
      ["comm", name],
    ] as const)
      this.#tell(instances, address, task, path, told);
    // The task that leads the process, as far as its number goes.
    if (tgid === pid) this.#tell(instances, address, task, "group_leader", address);
    else this.#tell(instances, address, task, "group_leader.pid", BigInt(tgid));
  }

  #add(instances: Instance[], address: bigint, name: string): Instance {
    const known = instances.find((each) => each.address === address);
    if (known !== undefined) return known;
    const layout = this.#layouts.get(name) ?? NOTHING_KNOWN;
    const length = Math.min(layout.size, Number(OBJECT_BYTES));
    const made = { address, name, layout, bytes: new Uint8Array(length), told: new Uint8Array(length) };
    instances.push(made);
    return made;
  }

  /** Puts down what is told of an object at an address, in whatever of its types has such a member. */
  #tell(instances: Instance[], address: bigint, { structs }: KernelObject, path: string, told: Told): void {
    const instance = told === undefined ? undefined : instances.find((each) => each.address === address);
    if (instance === undefined || told === undefined) return;
    for (const struct of structs) {
      const layout = this.#layouts.get(struct);
      if (layout !== undefined && this.#put(instances, instance, layout, path, told, 0)) return;
    }
  }

  #put(
    instances: Instance[],
    instance: Instance,
    layout: StructLayout,
    path: string,
    told: NonNullable<Told>,
    depth: number,
  ): boolean {
    const found = depth > MOST_POINTERS ? undefined : findPlace(layout, path);
    if (found === undefined) return false;
    const { place, rest } = found;
    if (place.offset + place.size > instance.bytes.length) return false;
    if (rest === "") {
      const isText = typeof told !== "bigint" && place.leadsTo !== undefined;
      if (isText) store(instance, place, this.#addText(instances, told));
      else store(instance, place, told);
      return true;
    }
    const before = isTold(instance, place) ? loadPointer(instance, place.offset) : undefined;
    const at = before ?? objectAddress(place.leadsTo ?? "", `${instance.address} ${place.name}`);
    const inner = this.#add(instances, at, place.leadsTo ?? "");
    if (!this.#put(instances, inner, inner.layout, rest, told, depth + 1)) return false;
    store(instance, place, at);
    return true;
  }

  #addText(instances: Instance[], told: string | Uint8Array): bigint {
    const text = (typeof told === "string" ? ASCII(told) : told).subarray(0, MOST_TEXT - 1);
    const bytes = new Uint8Array(text.length + 1);
    bytes.set(text);
    const address = objectAddress("char", String.fromCharCode(...text));
    if (!instances.some((each) => each.address === address))
      instances.push({
        ...{ address, name: "char", layout: { size: bytes.length, places: [] }, bytes },
        told: new Uint8Array(bytes.length).fill(1),
      });
    return address;
  }
}

type StoredPlace = StructLayout["places"][number];

const isTold = ({ told }: Instance, { offset, size }: StoredPlace): boolean =>
  !told.subarray(offset, offset + size).includes(0);

function loadPointer({ bytes }: Instance, offset: number): bigint {
  return new DataView(bytes.buffer).getBigUint64(offset, true);
}

function store(instance: Instance, { offset, size, bits }: StoredPlace, told: NonNullable<Told>): void {
  const { bytes } = instance;
  if (typeof told === "bigint") {
    const [shift, count] = bits ?? [0, Math.min(size, POINTER_BYTES) * 8];
    let value = BigInt.asUintN(count, told) << BigInt(shift);
    for (let at = offset; at < offset + size; at++, value >>= 8n)
      bytes[at] = (bits === undefined ? 0 : (bytes[at] ?? 0)) | Number(value & 0xffn);
  } else {
    const content = (typeof told === "string" ? ASCII(told) : told).subarray(0, size);
    bytes.fill(0, offset, offset + size);
    bytes.set(content, offset);
  }
  instance.told.fill(1, offset, offset + size);
}
