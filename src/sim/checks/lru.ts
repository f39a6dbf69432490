/** What an LRU map has beside its buckets: slots, lists in their order, free elements. At rest. */
import { CONSTANTS } from "../../wasm/face.ts";
import { Finding } from "../finding.ts";
import { hex } from "../objects.ts";
import type { FieldOf, World } from "../world.ts";

/** Bits of an element's slot word (core/maps/hash/lru-order.ts). */
const LISTED = 0x80000000;
const ACTIVE = 0x40000000;
const SET_ASIDE = 0x10000000;

/** A map, and how its words are read. */
class LruMap {
  readonly world: World;
  readonly map: number;
  /** How many orders there are: one, or one for each CPU. */
  readonly orders: number;
  readonly slots: number;

  constructor(world: World, map: number) {
    this.world = world;
    this.map = map;
    const share = this.field("lruShare");
    this.orders = share === 0 ? 1 : world.areas.length;
    this.slots = share === 0 ? this.field("maxEntries") : share;
  }

  field(name: FieldOf<"MapHeader">): number {
    return this.world.field(this.map, "MapHeader", name);
  }

  order(index: number): number {
    return this.field("ring") + index * CONSTANTS.ORDER_BYTES;
  }

  /** The elements of an order's slots, 0 for none. */
  elements(index: number): number[] {
    const first = this.#batch(this.world.areas.length) + index * this.slots * 4;
    return Array.from({ length: this.slots }, (_, slot) => this.world.memory.load(first + slot * 4));
  }

  #batch(cpu: number): number {
    return this.field("ring") + this.orders * CONSTANTS.ORDER_BYTES + cpu * CONSTANTS.BATCH_BYTES;
  }

  /** What a CPU has set aside, and what it has passed. */
  setAside(cpu: number): number[] {
    const batch = this.#batch(cpu);
    const field = (name: FieldOf<"Batch">): number => this.world.field(batch, "Batch", name);
    const word = (at: number, index: number): number => this.world.memory.load(batch + at + index * 4) & ~1;
    if (field("inUse") !== 0) throw new Finding("batch", `CPU ${cpu} uses its batch at rest`);
    const oldest = Array.from({ length: field("end") }, (_, index) => word(CONSTANTS.OLDEST_AT, index));
    const passed = Array.from({ length: field("passed") }, (_, index) => word(CONSTANTS.PASSED_AT, index));
    return [...oldest.slice(field("next")), ...passed];
  }

  /** A word before an element's value. */
  before(element: number, bytes: number): number {
    return this.world.memory.load(element + this.field("valueOffset") - bytes) >>> 0;
  }
}

/** Slots are taken one after the other, and each element says which is its own. */
function checkSlots(lru: LruMap, index: number): number[] {
  const taken = lru.world.field(lru.order(index), "Order", "taken");
  const elements = lru.elements(index);
  const there = elements.filter((element) => element !== 0);
  // Who takes a slot next moves the number on if who took the last one died before.
  const isOneOff = lru.world.dead.size > 0 && there.length === taken + 1;
  if (there.length !== taken && !isOneOff)
    throw new Finding("slots", `${there.length} slots have elements, ${taken} are taken`);
  for (const [slot, element] of there.entries()) {
    const named = lru.before(element, CONSTANTS.SLOT_BEFORE) & CONSTANTS.SLOT_OF_ELEMENT;
    if (named !== index * lru.slots + slot || elements[slot] !== element)
      throw new Finding("slots", `the element of slot ${slot} says that its slot is ${named}`);
  }
  return there;
}

/** One of an order's lists, from both sides. */
function readList(lru: LruMap, index: number, which: "inactive" | "active"): number[] {
  const field = (name: FieldOf<"Order">): number => lru.world.field(lru.order(index), "Order", name);
  const found: number[] = [];
  let previous = 0;
  for (let element = field(`${which}Oldest`); element !== 0; element = lru.before(element, CONSTANTS.NEXT_BEFORE)) {
    if (found.length > lru.slots) throw new Finding("order", `the ${which} list goes in circles`);
    const bits = lru.before(element, CONSTANTS.SLOT_BEFORE);
    if ((bits & LISTED) === 0 || ((bits & ACTIVE) !== 0) !== (which === "active"))
      throw new Finding("order", `${hex(element)} on the ${which} list says ${hex(bits)}`);
    if (lru.before(element, CONSTANTS.PREVIOUS_BEFORE) !== previous)
      throw new Finding("order", `${hex(element)} on the ${which} list comes after another one than it says`);
    found.push(element);
    previous = element;
  }
  if (field(`${which}Newest`) !== previous) throw new Finding("order", `the ${which} list does not end at its newest`);
  const count = field(`${which}Count`);
  if (count !== found.length)
    throw new Finding("order", `the ${which} list has ${found.length} elements, ${count} by its count`);
  return found;
}

/** What CPUs have set aside says so, and each is of one of them. */
function readBatches(lru: LruMap): number[] {
  const all = [...lru.world.areas.keys()].flatMap((cpu) =>
    lru.setAside(cpu).map((element) => {
      const bits = lru.before(element, CONSTANTS.SLOT_BEFORE);
      const owner = lru.before(element, CONSTANTS.PREVIOUS_BEFORE) - 1;
      if ((bits & (SET_ASIDE | LISTED)) !== SET_ASIDE || owner !== cpu)
        throw new Finding("batch", `${hex(element)}, set aside by CPU ${cpu}, says ${hex(bits)} and CPU ${owner}`);
      return element;
    }),
  );
  if (new Set(all).size !== all.length) throw new Finding("batch", "an element is set aside twice");
  return all;
}

/** Every element is on one list, once, or set aside; or on none, and the order knows that there is such a one. */
function checkOrder(lru: LruMap, index: number, elements: readonly number[]): void {
  const field = (name: FieldOf<"Order">): number => lru.world.field(lru.order(index), "Order", name);
  if (field("lock") !== 0) throw new Finding("lock held", `CPU ${field("lock") - 1} holds an order's lock at rest`);
  const listed = [...readList(lru, index, "inactive"), ...readList(lru, index, "active")];
  if (new Set(listed).size !== listed.length) throw new Finding("order", "an element is on a list twice");
  const setAside = lru.orders === 1 ? readBatches(lru) : [];
  const both = listed.find((element) => setAside.includes(element));
  if (both !== undefined) throw new Finding("batch", `${hex(both)} is set aside, and on a list`);
  const missing = elements.filter((element) => !listed.includes(element) && !setAside.includes(element));
  const forgotten = missing.find((element) => (lru.before(element, CONSTANTS.SLOT_BEFORE) & SET_ASIDE) !== 0);
  if (forgotten !== undefined)
    throw new Finding("batch", `${hex(forgotten)} says that it is set aside, and nobody has it`);
  const strange = listed.find((element) => !elements.includes(element));
  if (strange !== undefined) throw new Finding("order", `${hex(strange)} is on a list and has no slot`);
  // Who has died before he could say so had put it nowhere.
  const isKnown = field("unlisted") !== 0 || field("swept") !== 0 || lru.world.dead.size > 0;
  if (missing.length > 0 && !isKnown) throw new Finding("order", `${missing.map(hex).join()} are on no list`);
}

/** Elements that lie on CPUs' lists. */
function freeElements(lru: LruMap): number[] {
  return lru.world.areas.flatMap((_, cpu) => {
    const own = lru.map + CONSTANTS.MAP_BYTES + cpu * CONSTANTS.MAP_CPU_BYTES;
    const found: number[] = [];
    let element = lru.world.field(own, "MapCpu", "pool");
    for (; element !== 0; element = lru.world.memory.load(element)) found.push(element);
    return found;
  });
}

/**
 * Checks all of it.
 * @param inUse elements that are in buckets
 * @returns the elements that have a slot
 */
export function checkLru(world: World, map: number, inUse: ReadonlySet<number>): ReadonlySet<number> {
  const lru = new LruMap(world, map);
  const elements = new Set<number>();
  for (let index = 0; index < lru.orders; index++) {
    const own = checkSlots(lru, index);
    checkOrder(lru, index, own);
    for (const element of own) {
      if (elements.has(element)) throw new Finding("slots", `${hex(element)} has two slots`);
      elements.add(element);
    }
  }
  const free = freeElements(lru);
  if (free.length > 0 && lru.field("lruShare") === 0 && lru.field("pooled") === 0)
    throw new Finding("pool", `${hex(free[0] ?? 0)} is free, and nobody looks for it`);
  const places = new Set([...inUse, ...free]);
  if (places.size !== inUse.size + free.length) throw new Finding("two lists", "a free element is in use");
  for (const element of elements)
    if (!places.has(element)) throw new Finding("lost", `${hex(element)} has a slot, and nobody has it`);
  for (const element of inUse)
    if (!elements.has(element)) throw new Finding("slots", `${hex(element)} is in use and has no slot`);
  const isPool = lru.field("supply") === CONSTANTS.SUPPLY_POOL;
  const whole = isPool ? lru.field("maxEntries") : elements.size;
  if (places.size !== whole) throw new Finding("pool", `${places.size} elements are somewhere, ${whole} were made`);
  return elements;
}
