/**
 * The kernel's memory during a run on an event: the objects that the event is about, and the current task. What the event tells of them
 * is there, and what others told before of the same object and does not change; the rest is 0, and reading it is remembered by name.
 */
import type { KernelMemory } from "../bpf/host.ts";
import { OBJECT_BYTES, objectAddress, taskAddress } from "../bpf/kernel/addresses.ts";
import { type Found, findPlace, type Layouts, type Place, type StructLayout } from "../bpf/kernel/layout.ts";
import {
  addressOf,
  type EventReader,
  type KernelObject,
  RecordReader,
  TEXT,
  type Told,
  viewsOf,
  WHOLE,
} from "../bpf/kernel/object.ts";
import type { EventFormat } from "../events/event.ts";
import { RECORD } from "../events/record.ts";
import type { KeptFacts, KeptObject } from "./kept-facts.ts";

/** Pointers on the way to a member. */
const MOST_POINTERS = 8;
/** Bytes of a text that a pointer leads to. */
const MOST_TEXT = 4096;
const POINTER_BYTES = 8;

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

/** What is told of a member, of whatever object it leads to. */
interface Telling {
  readonly instances: Instance[];
  /** The object that the way begins at. */
  readonly outermost: bigint;
  readonly told: NonNullable<Told>;
}

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
    if (this.#missing.size > 0) this.#missing = new Set();
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
    // One of an earlier event, whose address the program has kept, may begin nearer.
    const kept = this.#facts.around(address);
    if (kept !== undefined && !this.#instances.some((each) => each.address === kept.address))
      this.#addKept(this.#instances, kept);
    let nearest: Instance | undefined;
    for (const instance of this.#instances) {
      if (instance.address > address || address - instance.address >= OBJECT_BYTES) continue;
      if (nearest === undefined || instance.address > nearest.address) nearest = instance;
    }
    return nearest === undefined ? undefined : { instance: nearest, from: Number(address - nearest.address) };
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
      const whole = object.tells[WHOLE]?.(reader);
      if (typeof whole === "object") this.#addText(instances, whole, address);
      else if (object.structs[0] === TEXT) continue;
      else this.#add(instances, address, this.#outermost(object.structs));
      for (const [path, tell] of Object.entries(object.otherwise ?? {}))
        this.#tell(instances, address, object, path, tell(reader));
      for (const [path, told] of this.#facts.of(address)?.facts ?? [])
        this.#tell(instances, address, object, path, told);
      for (const [path, tell] of Object.entries(object.tells))
        this.#tell(instances, address, object, path, tell(reader));
    }
    return instances;
  }

  /** The name of the largest of some types, one of which begins with the other, that is known. */
  #outermost(structs: readonly string[]): string {
    return structs.find((each) => this.#layouts.has(each)) ?? structs.at(-1) ?? "";
  }

  #addKept(instances: Instance[], { address, structs, facts }: KeptObject): void {
    const whole = facts.get(WHOLE);
    if (typeof whole === "object") this.#addText(instances, whole, address);
    else this.#add(instances, address, this.#outermost(structs));
    for (const [path, told] of facts) this.#tell(instances, address, { structs }, path, told);
  }

  /** The task that the event is of. */
  #tellCurrent(instances: Instance[], reader: EventReader): void {
    const pid = this.#view.getInt32(this.#record + RECORD.pid, true);
    const address = taskAddress(pid, reader.cpu);
    const tgid = this.#view.getUint32(this.#record + RECORD.pidTgid + 4, true);
    const name = new Uint8Array(this.#view.buffer, this.#view.byteOffset + this.#record + RECORD.comm, 16).slice();
    const task = { structs: ["task_struct"] };
    this.#add(instances, address, "task_struct");
    for (const [path, told] of this.#facts.of(address)?.facts ?? []) this.#tell(instances, address, task, path, told);
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

  /** Puts down what is told of an object at an address. */
  #tell(
    instances: Instance[],
    address: bigint,
    { structs }: Pick<KernelObject, "structs">,
    path: string,
    told: Told,
  ): void {
    const instance = told === undefined ? undefined : instances.find((each) => each.address === address);
    if (instance !== undefined && told !== undefined)
      this.#put({ instances, outermost: address, told }, instance, structs, path, 0);
  }

  /** @param structs types that the object may be seen as: a member of whichever has it */
  #put(telling: Telling, instance: Instance, structs: readonly string[], path: string, depth: number): void {
    for (const struct of depth > MOST_POINTERS ? [] : structs) {
      const layout = this.#layouts.get(struct);
      const found = layout === undefined ? undefined : findPlace(layout, path);
      if (found === undefined || found.place.offset + found.place.size > instance.bytes.length) continue;
      if (found.rest === "") this.#putHere(telling, instance, found.place);
      else this.#putBehind(telling, instance, found, depth);
      return;
    }
  }

  #putHere({ instances, told }: Telling, instance: Instance, place: Place): void {
    const isText = typeof told !== "bigint" && place.leadsTo !== undefined;
    store(instance, place, isText ? this.#addText(instances, told) : told);
  }

  #putBehind(telling: Telling, instance: Instance, { place, rest }: Found, depth: number): void {
    const { instances, outermost } = telling;
    const before = isTold(instance, place) ? loadPointer(instance, place.offset) : undefined;
    const at = before ?? objectAddress(place.leadsTo ?? "", `${instance.address} ${place.name}`);
    const structs = viewsOf(place.leadsTo ?? "");
    const inner = this.#add(instances, at, this.#outermost(structs));
    this.#facts.lead(at, outermost);
    this.#put(telling, inner, structs, rest, depth + 1);
    store(instance, place, at);
  }

  #addText(instances: Instance[], told: string | Uint8Array, at?: bigint): bigint {
    const text = (typeof told === "string" ? ASCII(told) : told).subarray(0, MOST_TEXT - 1);
    // Who reads a text by a fixed size does not look at what is behind its end.
    const bytes = new Uint8Array(MOST_TEXT);
    bytes.set(text);
    const address = at ?? objectAddress(TEXT, String.fromCharCode(...text));
    if (!instances.some((each) => each.address === address))
      instances.push({
        ...{ address, name: TEXT, layout: { size: bytes.length, places: [] }, bytes },
        told: new Uint8Array(bytes.length).fill(1),
      });
    return address;
  }
}

const isTold = ({ told }: Instance, { offset, size }: Place): boolean =>
  !told.subarray(offset, offset + size).includes(0);

function loadPointer({ bytes }: Instance, offset: number): bigint {
  return new DataView(bytes.buffer).getBigUint64(offset, true);
}

function store(instance: Instance, { offset, size, bits }: Place, told: NonNullable<Told>): void {
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
