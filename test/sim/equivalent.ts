/**
 * Mutants of the core (tools/mutate.ts) that no run can tell from it, and why. They are found by file and change, so a row
 * stays true when lines move; one whose text is changed asks to be judged anew.
 */
export interface Equivalent {
  readonly file: string;
  /** As the report of `npm run mutate` has it. */
  readonly change: string;
  readonly why: string;
}

export const EQUIVALENT: readonly Equivalent[] = [
  {
    file: "core/maps/ordered-walk.ts",
    change: "way.isCut = 1; => way.isCut = 2;",
    why: "It is asked whether it is 0.",
  },
  {
    file: "core/recovery/caches.ts",
    change: "const GATHERED: u32 = 1; => const GATHERED: u32 = 2;",
    why: "A mark in an address that is a multiple of 8: any of its lower three bits will do.",
  },
  {
    file: "core/base/number.ts",
    change: "store<u64>(amount, (sum - offset) & mask); => store<u64>(amount, (sum + offset) & mask);",
    why: "The offset is 0 or half of what the mask is about: adding it and taking it away are the same.",
  },
  {
    file: "core/maps/tree-reap.ts",
    change:
      "if (node != 0) nameObject(word, node, changetype<usize>(cache), 0); => if (node != 1) nameObject(word, node, changetype<usize>(cache), 0);",
    why: "A node is a multiple of 8. An intent that names no node is cleared two lines further, whatever cache it names.",
  },
  {
    file: "core/maps/tree-reap.ts",
    change:
      "for (let index: u32 = 0; index < LEVELS * 2; index++) { => for (let index: u32 = 0; index < LEVELS * 3; index++) {",
    why: "nextDoubt gives nothing from LEVELS * 2 on, where the loop is left.",
  },
  {
    file: "core/maps/registry.ts",
    change:
      "map.dyingTarget = gracePeriodTarget(NORMAL); map.dyingTraceTarget = gracePeriodTarget(TASKS_TRACE); => map.dyingTraceTarget = gracePeriodTarget(TASKS_TRACE); map.dyingTarget = gracePeriodTarget(NORMAL);",
    why: "Two grace periods that have nothing to do with each other, of a map that nobody looks at yet.",
  },
  {
    file: "core/maps/element.ts",
    change:
      "if (map.ring == 0 && cache.active == 0 && cache.freeCount < cache.high) { store<u32>(element, FREED, OPERATION_AT); cacheGive(area, cache, element, intent); return; } => ;",
    why: "A shorter way: the pool takes the element too, and whoever needs one looks there.",
  },
  {
    file: "core/attach.ts",
    change: "return block.pages > block.firstPage; => return block.pages >= block.firstPage;",
    why: "The least memory that is attached to has pages behind what comes before the first.",
  },
];
