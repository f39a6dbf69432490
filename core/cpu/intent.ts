/**
 * What a CPU has in hand: objects that it took from one place and has not yet put into another. A thread can die between
 * any two instructions; whoever reaps its CPU finds here what would otherwise be lost (recovery/). All of it is
 * written with plain stores by the CPU itself, before the object leaves its old place, and erased after it has reached
 * the new one.
 *
 * ```
 * area + 192   intents of task      | first u64 | second u64 | key u64 | value u64 |     32 bytes
 *      + 224   ... of softirq, hardirq, nmi: a context that interrupts another one has intents of its own
 *      + 320   transfer           | between cache and slab, in work and in task context: one at a time
 *
 * an intent:  bits 0-31 object's address | MAYBE, bits 32-63 the cache's address (this CPU's) | REMOVES | COUNTS | RCU | ...
 * ```
 * An intent without MAYBE is surely this CPU's: it is on one of the CPU's own lists or nowhere. With MAYBE it is about to be
 * published to, or claimed from, what all CPUs share; who has it must be found out.
 */
import { check, expect } from "../base/check";
import { CpuArea, thisCpu } from "./area";

/** The object may be another CPU's: an attempt to publish or to claim it is under way. */
export const MAYBE: u64 = 1;
/** The operation takes the object out of its map; otherwise it puts it in. */
export const REMOVES: u64 = (<u64>1) << 32;
/** The operation changes the map's element count. */
export const COUNTS: u64 = (<u64>1) << 33;
/** The object is on its way to the list that waits for a grace period before any reuse. */
export const RCU: u64 = (<u64>1) << 34;
/** With COUNTS: whether the operation's number is odd, in steps (maps/count.ts). */
export const PARITY: u64 = (<u64>1) << 35;
/** With MAYBE: the object is being taken from a list that CPUs share; nothing has been done with it yet. */
export const TAKES: u64 = (<u64>1) << 36;

const OBJECT_MASK: u64 = 0xfffffff8;
const CACHE_MASK: u64 = 0xffffffc0;

/** Hands of one context level. */
@unmanaged
export class Intents {
  first: u64;
  second: u64;
  /** Room for a key and a value that came as arguments, where they have to lie in memory (maps/hash/word.ts). */
  key: u64;
  value: u64;
}
export const INTENT_BYTES: usize = 32;
export const LEVELS: u32 = 4;

/**
 * One batch between a cache and the slab, or between two lists of a cache. While it is active, the cache owns
 * `base` objects and those in hand, whatever its own count says.
 */
@unmanaged
export class Transfer {
  /** Objects in hand: bits 0-31 the first of a chain, bits 32-63 how many. */
  objects: u64;
  /** 1 while a batch is on its way. */
  active: u32;
  /** 0: no cache's, memory of the control plane. */
  cache: u32;
  base: i32;
  /** An object between the transfer and its slab, while the class's lock is held. */
  between: u32;
  /** A run of pages between the free runs and its place. */
  run: u32;
  /** A map (with BUILDING_ALLOCATOR: an allocator of users' objects) that is being created or freed and on no list. */
  building: u32;
  /** A helper (alloc/serve.ts): posts of the inbox that the batch in hand is for, before it is posted. */
  posts: u32;
  /** CPU + 1 that a helper is serving, the cache that it is at, and the rest of the raised work that it has taken. */
  servedCpu: u32;
  served: u32;
  servedRest: u32;
  /** A map whose table gets the run as a segment (maps/table/table.ts). */
  table: u32;
  /** Control-plane memory of whoever holds the CPU (mem/managed.ts): first object's header. */
  managed: u32;
}

/** Bit of `Transfer.building`. */
export const BUILDING_ALLOCATOR: u32 = 1;

/** The intents of the context that this CPU is in. */
export function intentsOf(area: CpuArea): usize {
  return changetype<usize>(area) + offsetof<CpuArea>("intents") + area.level * INTENT_BYTES;
}

export function intentsAt(area: CpuArea, level: u32): Intents {
  return changetype<Intents>(changetype<usize>(area) + offsetof<CpuArea>("intents") + level * INTENT_BYTES);
}

export function transferOf(area: CpuArea): Transfer {
  return changetype<Transfer>(changetype<usize>(area) + offsetof<CpuArea>("intents") + LEVELS * INTENT_BYTES);
}

/** The first and the second intent of `intentsOf`. */
export function firstIntent(intents: usize): usize {
  return intents;
}

export function secondIntent(intents: usize): usize {
  return intents + offsetof<Intents>("second");
}

/** Takes an object into an intent. `bits`: MAYBE, REMOVES ... */
export function nameObject(intent: usize, object: usize, cache: usize, bits: u64): void {
  expect((object & 7) == 0 && (cache & 63) == 0);
  store<u64>(intent, <u64>object | ((<u64>cache) << 32) | bits);
}

/** The object is where others find it. What the intent says of the operation stays until it is counted. */
export function objectPlaced(intent: usize): void {
  store<u32>(intent, 0);
}

export function clearIntent(intent: usize): void {
  store<u64>(intent, 0);
}

export function intentObject(intent: u64): usize {
  return <usize>(intent & OBJECT_MASK);
}

export function intentCache(intent: u64): usize {
  return <usize>((intent >> 32) & CACHE_MASK);
}

/**
 * Begins a transfer of `count` objects from `first` on. Everything is in place before it counts. No deferred work begins
 * until it ends: there is one transfer at a time.
 */
export function beginTransfer(area: CpuArea, cache: usize, base: i32, first: usize, count: u32): void {
  const transfer = transferOf(area);
  check(transfer.active == 0);
  area.working++;
  transfer.cache = <u32>cache;
  transfer.base = base;
  setTransfer(transfer, first, count);
  transfer.active = 1;
}

/** Every object has reached its place, and the cache's own count is right. */
export function endTransfer(area: CpuArea): void {
  const transfer = transferOf(area);
  check(transfer.active == 1);
  transfer.active = 0;
  transfer.objects = 0;
  area.working--;
}

/** One store, so that first and count always fit each other. */
export function setTransfer(transfer: Transfer, first: usize, count: u32): void {
  transfer.objects = <u64>first | ((<u64>count) << 32);
}

export function transferFirst(transfer: Transfer): usize {
  return <usize>(transfer.objects & 0xffffffff);
}

export function transferCount(transfer: Transfer): u32 {
  return <u32>(transfer.objects >> 32);
}

/** The run of pages that `allocatePages` handed out is where it belongs. */
export function runPlaced(): void {
  transferOf(thisCpu()).run = 0;
}
