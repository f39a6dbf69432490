/**
 * An object of the kernel's that an event is about: what programs get is its address, and what lies there follows from what the event
 * printed. Names of members are the kernel's; those that a kernel does not have are left out.
 */
import { type EventFormat, type EventField as Field, fieldBit } from "../../events/event.ts";
import { loadBigInt } from "../../events/integer.ts";
import { RECORD } from "../../events/record.ts";
import { objectAddress, taskAddress } from "./addresses.ts";

/** What an event says. Undefined: it has no such field, or this record does not tell it. */
export interface EventReader {
  readonly cpu: number;
  /** Nanoseconds. */
  readonly time: bigint;
  /** The current task, and the process that it belongs to. */
  readonly current: number;
  readonly process: number;
  /** With its sign. */
  number(field: string): bigint | undefined;
  text(field: string): string | undefined;
  bytes(field: string): Uint8Array | undefined;
}

/** A member's content: a number, or bytes, or text; of a pointer to text what it leads to. */
export type Told = bigint | string | Uint8Array | undefined;

/** What tells an object from others of its type, in other events too: a task's number, the address that was recorded, or anything as text. */
export type Identity = { readonly task: number } | { readonly address: bigint } | string;

/** What stands for a struct where a pointer leads to text, and for the way to a member where all of that is told. */
export const TEXT = "char";
export const WHOLE = "*";

/** Structs that begin with another: a pointer to the one may be one to them. */
const LARGER: Readonly<Record<string, readonly string[]>> = {
  sock: ["tcp_sock", "inet_sock"],
  sock_common: ["tcp_sock", "inet_sock", "sock"],
};

/** What may be found where a pointer to a struct leads, the largest first. */
export function viewsOf(struct: string): readonly string[] {
  return [...(LARGER[struct] ?? []), struct];
}

export interface KernelObject {
  /** Its types, without `struct`: of one that begins with another the larger one first. */
  readonly structs: readonly string[];
  /** Undefined: the event does not tell which. */
  readonly identity: (event: EventReader) => Identity | undefined;
  /** By the way to a member, which may lead through pointers: `q.disk.major`. */
  readonly tells: Readonly<Record<string, (event: EventReader) => Told>>;
  /** Ways to members that stay as they are, for events that do not tell them. */
  readonly keeps?: readonly string[];
  /** What members are taken for where no event has told them. */
  readonly otherwise?: KernelObject["tells"];
}

/** Where an object lies; of whom nobody knows which it is, all of them at one place. */
export function addressOf({ structs, identity }: KernelObject, event: EventReader): bigint {
  const which = identity(event) ?? "";
  if (typeof which === "string") return objectAddress(structs.at(-1) ?? "", which);
  return "task" in which ? taskAddress(which.task, event.cpu) : which.address;
}

/** Reads records of one event, one after the other. */
export class RecordReader implements EventReader {
  readonly #fields: ReadonlyMap<string, Field>;
  readonly #bits: ReadonlyMap<string, bigint>;
  #view: DataView = new DataView(new ArrayBuffer(RECORD.payload));
  #record = 0;
  #unread = 0n;

  constructor(format: EventFormat | undefined) {
    const fields = format?.fields ?? [];
    this.#fields = new Map(fields.map((field) => [field.name, field]));
    this.#bits = new Map(fields.map((field) => [field.name, 1n << BigInt(fieldBit(fields, field))]));
  }

  /** The record that is read from now on. */
  at(view: DataView, record: number): this {
    this.#view = view;
    this.#record = record;
    this.#unread = view.getBigUint64(record + RECORD.unread, true);
    return this;
  }

  get cpu(): number {
    return this.#view.getUint16(this.#record + RECORD.cpu, true);
  }

  get time(): bigint {
    return this.#view.getBigUint64(this.#record + RECORD.time, true);
  }

  get current(): number {
    return this.#view.getUint32(this.#record + RECORD.pidTgid, true);
  }

  get process(): number {
    return this.#view.getUint32(this.#record + RECORD.pidTgid + 4, true);
  }

  #told(name: string): Field | undefined {
    return (this.#unread & (this.#bits.get(name) ?? 0n)) === 0n ? this.#fields.get(name) : undefined;
  }

  number(name: string): bigint | undefined {
    const field = this.#told(name);
    if (field?.kind !== "number" || field.count !== 1) return undefined;
    const value = loadBigInt(this.#view, this.#record + RECORD.payload + field.offset, field.size);
    return field.signed ? BigInt.asIntN(field.size * 8, value) : value;
  }

  bytes(name: string): Uint8Array | undefined {
    const field = this.#told(name);
    if (field === undefined) return undefined;
    let [from, length] = [field.offset, field.size];
    if (field.kind === "dataLoc" || field.kind === "relLoc") {
      const place = this.#view.getUint32(this.#record + RECORD.payload + field.offset, true);
      from = (place & 0xffff) + (field.kind === "relLoc" ? field.offset + field.size : 0);
      length = place >>> 16;
    }
    const at = this.#record + RECORD.payload + from;
    const end = this.#record + this.#view.getUint32(this.#record + RECORD.size, true);
    const bytes = new Uint8Array(
      this.#view.buffer,
      this.#view.byteOffset + at,
      Math.max(0, Math.min(length, end - at)),
    );
    return bytes.slice();
  }

  text(name: string): string | undefined {
    const bytes = this.bytes(name);
    if (bytes === undefined) return undefined;
    const end = bytes.indexOf(0);
    return String.fromCharCode(...bytes.subarray(0, end < 0 ? bytes.length : end));
  }
}
