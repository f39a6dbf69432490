/** Cores with a guard of the LRU maps taken out. */
import type { Canary } from "./canary.ts";

export const LRU_CANARIES: readonly Canary[] = [
  {
    name: "order-not-repaired",
    doc: "The lock of an order is let go of for a dead holder, and its lists stay as he left them.",
    scenario: "lru-killed",
    edits: [{ file: "core/maps/hash/lru-order.ts", guard: "  repairOrder(map, order, index);\n", without: "" }],
  },
  {
    name: "slot-and-slab",
    doc: "What a dead thread had of an LRU map goes back to the slab, and its slot goes on naming it.",
    scenario: "lru-killed",
    edits: [
      {
        file: "core/maps/hash/reap.ts",
        guard: "map.ring != 0 && hasSlot(map, object)",
        without: "map.ring != 0 && false",
      },
    ],
  },
  {
    name: "unlisted-forgotten",
    doc: "Who cannot have the order's lock puts a new element on no list and does not say so.",
    scenario: "lru-nmi-new",
    edits: [
      {
        file: "core/maps/hash/lru-order.ts",
        guard: '    publish(changetype<usize>(orderOf(map, area.id)) + offsetof<Order>("unlisted"), 1);\n',
        without: "",
      },
    ],
  },
  {
    name: "placed-without-lock",
    doc: "Who cannot have the order's lock moves the element all the same.",
    scenario: "lru-nmi",
    edits: [
      {
        file: "core/maps/hash/lru-order.ts",
        guard: "  if (lockAnywhere(area, lockWord(order)) != 0) return false;\n",
        without: "  if (lockAnywhere(area, lockWord(order)) != 0) area.interruptsOff++;\n",
      },
      {
        file: "core/maps/hash/lru-order.ts",
        guard: "  unlock(lockWord(orderOf(map, area.id)));\n",
        without: "  publish(lockWord(orderOf(map, area.id)), 0);\n  area.interruptsOff--;\n",
      },
    ],
  },
  {
    name: "slot-taken-twice",
    doc: "The next slot is taken without a claim: of two who take it one has no slot.",
    scenario: "lru-filling",
    edits: [
      {
        file: "core/maps/hash/lru-slots.ts",
        guard: "    const isMine = claim(slotPlace(map, first + taken), 0, <u32>element);\n",
        without:
          "    const isMine = acquire(slotPlace(map, first + taken)) == 0;\n    if (isMine) publish(slotPlace(map, first + taken), <u32>element);\n",
      },
    ],
  },
  {
    name: "victim-not-counted",
    doc: "The entry that goes is not counted off.",
    scenario: "lru-two-cpus",
    edits: [{ file: "core/maps/hash/lru-evict.ts", guard: "  countElement(area, map, -1, operation);\n", without: "" }],
  },
  {
    name: "fast-victim-not-counted",
    doc: "The entry that goes on the fast path is not counted off.",
    scenario: "lru-fast",
    edits: [
      { file: "core/maps/hash/lru-fast.ts", guard: "  setLive(counts, counts.live - 1, operation);\n", without: "" },
    ],
  },
  {
    name: "fast-victim-surely-own",
    doc: "The fast path says that an entry's element is its own before it has taken the entry out.",
    scenario: "lru-killed-fast",
    edits: [
      {
        file: "core/maps/hash/lru-fast.ts",
        guard: "  nameObject(intents, element, changetype<usize>(cache), removal | MAYBE);\n",
        without: "  nameObject(intents, element, changetype<usize>(cache), removal);\n",
      },
    ],
  },
  {
    name: "fast-overwrite-unclaimed",
    doc: "A value is overwritten on the fast path without a claim: the element may be another key's by then.",
    scenario: "lru-fast-overwrite",
    edits: [
      {
        file: "core/maps/hash/lru-fast.ts",
        guard: "  return overwriteFast<V>(map, bucket, control, place, value);\n",
        without:
          "  if (sizeof<V>() != 8) return SLOW_PATH;\n  publish64(<usize>acquire(place) + map.valueOffset, <u64>value);\n  return 0;\n",
      },
    ],
  },
  {
    name: "free-not-said",
    doc: "An element goes onto a CPU's list, and nobody is told.",
    scenario: "lru-delete-evict",
    edits: [
      {
        file: "core/maps/table/element.ts",
        guard: "  if (map.ring != 0 && peek(pooledWord(map)) == 0) publish(pooledWord(map), 1);\n",
        without: "",
      },
    ],
  },
  {
    name: "lists-looked-at-once",
    doc: "Who finds no free element says that there is none without a second look.",
    scenario: "lru-delete-evict",
    edits: [
      {
        file: "core/maps/hash/lru-evict.ts",
        guard: "  element = popAny(area, map, cache, intent);\n  if (element != 0) publish(pooled, 1);\n",
        without: "",
      },
    ],
  },
  {
    name: "batch-kept",
    doc: "What a dead thread has set aside stays so: it goes no more.",
    scenario: "lru-killed-batches",
    edits: [
      { file: "core/maps/hash/lru-batch.ts", guard: "    if (isBatched) dropBatch(map, cpu);\n", without: "" },
      { file: "core/maps/hash/lru-batch.ts", guard: "  dropBatch(map, cpu);\n  raiseSweep", without: "  raiseSweep" },
    ],
  },
  {
    name: "set-aside-listed",
    doc: "An element that a CPU has set aside is put on a list for its new entry: it is on one twice.",
    scenario: "lru-batches",
    edits: [
      {
        file: "core/maps/hash/lru-order.ts",
        guard: "if ((bitsOf(map, element) & SET_ASIDE) != 0) {",
        without: "if ((bitsOf(map, element) & SET_ASIDE) != 0 && area.id == 99) {",
      },
    ],
  },
  {
    name: "batch-shared",
    doc: "An NMI uses the batch of the context below it.",
    scenario: "lru-batch-nmi",
    edits: [{ file: "core/maps/hash/lru-batch.ts", guard: "  if (batch.inUse != 0) return 0;\n", without: "" }],
  },
];
