/** Races that are meant: each row says why what is read may be stale or torn. */

interface AllowedRace {
  /** Name of the address, as traces have it. */
  readonly name: RegExp;
  /** One of the two accesses is in one of these functions; left out: in any. */
  readonly inside?: readonly string[];
  readonly reason: string;
}

export const ALLOWED_RACES: readonly AllowedRace[] = [
  {
    name: / bucket \d+\.(tag|element) \d/,
    inside: ["matchingSlots", "copySlot", "slotsWithTagBit"],
    reason:
      "All tags are read by one plain load, as WebAssembly has no atomic one of 16 bytes, and may be half old. A match " +
      "is checked by the key; no match counts only if the control word is the same afterwards.",
  },
  {
    name: /^object .*\+\d+$/,
    inside: ["copyOutWords", "acquire64", "peek64"],
    reason: "A value is copied out of an element that may serve another key by now: the copy is thrown away then.",
  },
  {
    name: / bucket \d+\.element \d/,
    inside: ["writeSlot"],
    reason: "A slot that is not in use is filled while a scan with an older control word reads it, and looks again.",
  },
  {
    // An element of a pool has no name.
    name: /^(object .*\+\d+|0x.*)$/,
    inside: ["isOfKey", "hasKey", "equalBytes", "findInChain", "findFast"],
    reason:
      "A lookup compares hash and key of an element that may serve another key by now. A half-written key that looks " +
      "like the one wanted is possible; the memory is an element of the same map in any case (as in Linux).",
  },
  {
    name: /^(object .*\+\d+|0x.*)$/,
    inside: ["hashBytes"],
    reason:
      "Who empties a map goes by the keys in its elements, of which one may serve another key by now, or half of it: that one is " +
      "deleted then, or none, and either is of this map.",
  },
  {
    name: / count\.live/,
    inside: ["takeUnused", "peek"],
    reason:
      "Whoever takes unused places reads another CPU's count after it has lowered its places: that CPU then asks for more, " +
      "and what it was in the middle of is seen in its hand (core/maps/count.ts).",
  },
  {
    name: /^map\.treeCount$/,
    inside: ["mapCount"],
    reason: "How many entries a tree has is one word, as of before or after the change that is under way.",
  },
  {
    name: / intents\.(first|second)/,
    inside: ["acquire64", "peek64"],
    reason:
      "Whoever reaps a CPU looks at the others' intents between looks at map and header, and again if one changed.",
  },
  {
    name: /^(object |0x)/,
    inside: ["acquire64", "acquire", "peek64", "peek"],
    reason:
      "Whoever reaps a CPU looks at an element that may be another's: it is believed only if intents and map agree.",
  },
  {
    name: /^cpu \d+\.work$/,
    reason: "A helper takes a CPU's raised work by an exchange; the CPU's own look at it costs a look if it is stale.",
  },
  {
    name: /\.(freeCount|low|high|batch|miss\w+)$/,
    inside: ["serveCpu", "usedSince", "missesOf", "adaptReserve"],
    reason:
      "A helper's look at the other thread's counts may be stale, as that thread's at the watermarks the helper sets: work " +
      "is raised a little early or late, and a batch is larger or smaller than it would be.",
  },
  {
    name: /\.(depot|depotCount)$/,
    inside: ["takeFromDepot"],
    reason: "A refill looks whether there is anything in the depot before it takes the lock, and again under it.",
  },
  {
    name: /^page \d+\.state$/,
    inside: ["addSlab", "removeSlab"],
    reason:
      "Whoever joins free runs looks whether the neighbour is free. A run that becomes a slab, or a slab that becomes a " +
      "run, is free neither before nor after.",
  },
  {
    name: / count\.live$/,
    inside: ["elementCount", "levelCount"],
    reason: "Another CPU's count of elements may be stale: the sum decides only near the limit, which allows for it.",
  },
  {
    name: /^(0x|object )/,
    inside: ["setList"],
    reason:
      "Which list an element of an LRU map is on lies in the word of its slot's number, of which others read the number.",
  },
  {
    name: /^(0x|object )/,
    inside: ["popPool"],
    reason: "The head's link is read although the head may be another CPU's by now: the tag makes the claim fail then.",
  },
];

/** Why this race is allowed; undefined: it is not. */
export function reasonFor(name: string, first: string, second: string): string | undefined {
  return ALLOWED_RACES.find(
    (row) =>
      row.name.test(name) && (row.inside === undefined || row.inside.includes(first) || row.inside.includes(second)),
  )?.reason;
}
