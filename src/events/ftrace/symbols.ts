/**
 * Addresses for the symbols that a trace prints instead of addresses: `__fput+0x141/0x2a0`.
 *
 * Programs use such an address as a map key, so it must be one number for one place: the same on every run and every
 * machine. A symbol gets a slot of 64 KiB in the kernel's half of the address space, chosen by a hash of its name (and
 * module), and `name+offset` lies at that offset in it. Of two symbols with the same slot the one seen later takes the
 * next free one and is listed in `collisions`: with 2^31 slots, two of a thousand symbols meet once in 4,000 traces.
 * What lies 64 KiB and more behind its symbol gets a further slot, keyed by the name and how far it is.
 */
import type { Symbols } from "../source.ts";

export interface SymbolTable extends Symbols {
  /**
   * The address of a symbol as `%pS`, `%ps` or `%pB` print it; a printed number is itself; undefined for other text.
   */
  addressOf(text: string): bigint | undefined;
  /** `name+0x141` (with ` [module]`) for an address that `addressOf` gave out, otherwise the number in hex. */
  nameOf(address: bigint): string;
  /** Slots given out. */
  readonly size: number;
  /** Symbols that did not get the slot of their name's hash. */
  readonly collisions: readonly string[];
}

const SLOT_BITS = 16n;
const SLOT_BYTES = 1n << SLOT_BITS;
/** The upper half of a 48-bit address space. */
const BASE = 0xffff_8000_0000_0000n;
const SLOTS = 2 ** 31;

const SYMBOL = /^([A-Za-z_.$][^\s+]*)(?:\+0x([0-9a-f]{1,15})(?:\/0x[0-9a-f]+)?)?(?: \[([^\s\]]+)\])?(?: <[0-9a-f]+>)?$/;
const NUMBER = /^(?:0x)?([0-9a-f]{1,16})$/;

interface Slot {
  readonly name: string;
  readonly module: string;
  /** Offset in the symbol of the slot's first byte. */
  readonly offset: bigint;
}

/** FNV-1a with a final mix: names that differ in one letter get unrelated slots. */
function slotOfName(key: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < key.length; index++) value = Math.imul(value ^ key.charCodeAt(index), 0x01000193);
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return ((value ^ (value >>> 16)) >>> 0) % SLOTS;
}

export function createSymbols(): SymbolTable {
  const slotsByKey = new Map<string, number>();
  const slots = new Map<number, Slot>();
  const collisions: string[] = [];

  const claim = (key: string, content: Slot): number => {
    let slot = slotsByKey.get(key);
    if (slot !== undefined) return slot;
    slot = slotOfName(key);
    if (slots.has(slot)) collisions.push(key);
    while (slots.has(slot)) slot = (slot + 1) % SLOTS;
    slotsByKey.set(key, slot);
    slots.set(slot, content);
    return slot;
  };

  return {
    collisions,
    get size() {
      return slots.size;
    },
    addressOf(text) {
      const number = NUMBER.exec(text)?.[1];
      if (number !== undefined && (text.startsWith("0x") || number.length === 16)) return BigInt(`0x${number}`);
      const [, name, digits = "0", module = ""] = SYMBOL.exec(text) ?? [];
      if (name === undefined) return undefined;
      const offset = BigInt(`0x${digits}`);
      const far = offset >> SLOT_BITS;
      const key = [name, ...(module === "" ? [] : [`[${module}]`]), ...(far === 0n ? [] : [`+${far}`])].join(" ");
      const slot = claim(key, { name, module, offset: far << SLOT_BITS });
      return BASE + (BigInt(slot) << SLOT_BITS) + (offset & (SLOT_BYTES - 1n));
    },
    nameOf(address) {
      const slot = address >= BASE ? slots.get(Number((address - BASE) >> SLOT_BITS)) : undefined;
      if (slot === undefined) return `0x${address.toString(16)}`;
      const offset = slot.offset + (address & (SLOT_BYTES - 1n));
      return `${slot.name}+0x${offset.toString(16)}${slot.module === "" ? "" : ` [${slot.module}]`}`;
    },
  };
}
