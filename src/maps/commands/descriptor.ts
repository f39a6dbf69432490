/** What a file descriptor of a map stands for: the map, and this thread's room for a key and a value of it. */
import { type Core, LAYOUT } from "../../wasm/face.ts";
import { type Access, accessOf } from "../access.ts";
import { roundUp } from "../align.ts";
import type { Place } from "../description.ts";
import { type MapKind, mapKindByBpfType } from "../kinds.ts";
import { COMMAND_RULES, type CommandRules, type LinuxMapType } from "./rules.ts";

/** A thread's place in an arena, as far as commands need it. */
export interface CommandHost extends Place {
  readonly core: Core;
  readonly cpus: number;
  readonly cpu: number;
  /** A u32 field of a structure in shared memory. */
  word(address: number): number;
}

export function firstWord(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
}

function wordBytes(word: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(word).buffer);
}

type Field = keyof (typeof LAYOUT)["MapHeader"];

export class Descriptor {
  readonly host: CommandHost;
  readonly address: number;
  readonly kind: MapKind;
  readonly rules: CommandRules;
  readonly keySize: number;
  /** Bytes of what a command takes and gives as value: all CPUs' values, each rounded up to 8, of a per-CPU kind. */
  readonly valueBytes: number;
  /** Tells the map from others of the arena: its id. */
  readonly id: number;
  /** Where keys and values go to the core and come from it: a key, the one after it, a value. */
  readonly key: number;
  readonly nextKey: number;
  readonly value: number;
  readonly #addressOf: (fd: number) => number;

  /**
   * @param address of a map that is open on this thread's CPU
   * @param addressOf the address of another descriptor's map, 0 for none
   * @throws {AnyctxError} ENOMEM, ETIMEDOUT
   */
  constructor(host: CommandHost, address: number, addressOf: (fd: number) => number) {
    this.host = host;
    this.#addressOf = addressOf;
    this.address = address;
    this.kind = mapKindByBpfType(this.field("kind")) as MapKind;
    this.rules = COMMAND_RULES[this.kind.type as LinuxMapType];
    this.keySize = this.field("keySize");
    this.valueBytes = this.kind.perCpu ? this.field("valueStride") * host.cpus : this.field("valueSize");
    this.id = this.field("serial");
    const keyRoom = roundUp(this.keySize);
    this.key = host.allocate(2 * keyRoom + roundUp(this.valueBytes));
    this.nextKey = this.key + keyRoom;
    this.value = this.key + 2 * keyRoom;
  }

  field(name: Field): number {
    return this.host.word(this.address + LAYOUT.MapHeader[name]);
  }

  /** What the system call may do with the map now. */
  get access(): Access {
    return accessOf(this.host.memory, this.address);
  }

  /** Writes bytes where the core reads them. */
  put(address: number, bytes: Uint8Array): void {
    new Uint8Array(this.host.memory.buffer, address, bytes.length).set(bytes);
  }

  /** Writes a value where the core reads it. */
  putValue(bytes: Uint8Array): void {
    this.put(this.value, this.kind.inner ? wordBytes(this.#addressOf(firstWord(bytes))) : bytes);
  }

  /** A copy of a value that the core has written. */
  takeValue(address: number): Uint8Array {
    const bytes = this.take(address, this.valueBytes);
    return this.kind.inner ? wordBytes(this.host.word(firstWord(bytes) + LAYOUT.MapHeader.serial)) : bytes;
  }

  /** A copy of what the core has written. */
  take(address: number, length: number): Uint8Array {
    return new Uint8Array(this.host.memory.buffer, address, length).slice();
  }

  /** Gives the room back, and the map, which goes with the last one who has it open once it is destroyed. */
  close(): void {
    this.host.core.freeBytes(this.key);
    this.host.core.closeMap(this.address, this.host.cpu);
  }
}
