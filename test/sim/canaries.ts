/**
 * Canaries: cores with one guard taken out. The machine has to find each of them within the smoke's budget, with the
 * scenario that the row names: a scenario that finds nothing in a broken core proves nothing about a whole one.
 */

export interface Edit {
  readonly file: string;
  /** The text as it is in the file, exactly once. */
  readonly guard: string;
  readonly without: string;
}

export interface Canary {
  readonly name: string;
  /** What is taken out, and what goes wrong then. */
  readonly doc: string;
  readonly edits: readonly Edit[];
  /** Name of the scenario that has to fail. */
  readonly scenario: string;
}

export const CANARIES: readonly Canary[] = [
  {
    name: "no-active-guard",
    doc: "An NMI that comes in while the free list is in use takes from it all the same.",
    scenario: "alloc-free-nmi",
    edits: [
      {
        file: "core/alloc/cache.ts",
        guard: "  if (nested == 0) {\n    object = cache.free;",
        without: "  if (true) {\n    object = cache.free;",
      },
    ],
  },
  {
    name: "splice-without-active",
    doc: "A refill puts its chain on the free list without saying that the list is in use.",
    scenario: "refill-nmi",
    edits: [
      {
        file: "core/alloc/cache.ts",
        guard: "  cache.active++;\n  store<u32>(last, cache.free);",
        without: "  store<u32>(last, cache.free);",
      },
      {
        file: "core/alloc/cache.ts",
        guard: "  cache.freeCount += count;\n  cache.active--;",
        without: "  cache.freeCount += count;",
      },
    ],
  },
  {
    name: "raise-after-interrupts-on",
    doc: "Work is raised after interrupts came on: another task's raise is taken for the one that is still to come.",
    scenario: "preempted-alloc",
    edits: [
      {
        file: "core/alloc/cache.ts",
        guard: "  if (count < cache.low) raiseWork(area, cache);\n  area.interruptsOff = saved;",
        without: "  area.interruptsOff = saved;\n  if (count < cache.low) raiseWork(area, cache);",
      },
    ],
  },
  {
    name: "raised-twice",
    doc: "Work that is raised already is queued once more: the queue goes in circles.",
    scenario: "refill-nmi",
    edits: [
      {
        file: "core/alloc/cache.ts",
        guard: "  if (peek(word) != 0 || exchange(word, 1) != 0) return;",
        without: "  exchange(word, 1);",
      },
    ],
  },
  {
    name: "lost-wake",
    doc: "Work is marked as not raised after it ran: what was raised meanwhile is forgotten.",
    scenario: "late-raise",
    edits: [
      {
        file: "core/alloc/deferred.ts",
        guard: '      publish(changetype<usize>(cache) + offsetof<Cache>("workRaised"), 0);\n',
        without: "",
      },
      {
        file: "core/alloc/deferred.ts",
        guard: "      runCacheWork(area, cache);\n",
        without:
          '      runCacheWork(area, cache);\n      publish(changetype<usize>(cache) + offsetof<Cache>("workRaised"), 0);\n',
      },
    ],
  },
  {
    name: "extra-never-drained",
    doc: "Nobody takes along what NMIs have freed.",
    scenario: "extra-drained",
    edits: [
      {
        file: "core/alloc/refill.ts",
        guard: "transferToTrimmed(area, cache);\n  }\n  takeExtra(area, cache);\n}",
        without: "transferToTrimmed(area, cache);\n  }\n}",
      },
      {
        file: "core/alloc/refill.ts",
        guard: "  else takeExtra(area, cache);\n",
        without: "",
      },
    ],
  },
  {
    name: "null-in-trim",
    doc: "Trim takes the head of a list without looking whether there is one.",
    scenario: "trim-nmi",
    edits: [
      {
        file: "core/alloc/refill.ts",
        guard: "  if (first != 0) {\n    for (moved = 1;",
        without: "  if (true) {\n    for (moved = 1;",
      },
    ],
  },
  {
    name: "no-grace-period",
    doc: "Trimmed objects go back to the slab under their readers.",
    scenario: "reader-and-trim",
    edits: [
      {
        file: "core/alloc/refill.ts",
        guard: "  if (cache.waitingTarget != 0 && gracePeriodEnded(cache.waitingFlavour, cache.waitingTarget)) {",
        without: "  if (cache.waitingTarget != 0) {",
      },
      {
        file: "core/alloc/refill.ts",
        guard: "    if (gracePeriodEnded(NORMAL, cache.waitingTarget)) returnWaiting(area, cache);",
        without: "    returnWaiting(area, cache);",
      },
    ],
  },
  {
    name: "readers-ignored",
    doc: "The epoch moves on although a reader is in an older one.",
    scenario: "reader-and-trim",
    edits: [
      {
        file: "core/rcu/epoch.ts",
        guard: "    if (!isIdle && reading != epoch) return false;\n",
        without: "",
      },
    ],
  },
  {
    name: "sleepable-ignored",
    doc: "Trimmed objects wait for normal readers only, not for sleepable programs.",
    scenario: "sleepable-reader",
    edits: [
      {
        file: "core/alloc/refill.ts",
        guard: "  cache.waitingFlavour = TASKS_TRACE;\n  cache.waitingTarget = gracePeriodTarget(TASKS_TRACE);",
        without: "  cache.waitingFlavour = NORMAL;\n  cache.waitingTarget = gracePeriodTarget(NORMAL);",
      },
    ],
  },
  {
    name: "rcu-reused-early",
    doc: "What objectFreeRcu freed is used again before the grace period is over.",
    scenario: "free-rcu",
    edits: [
      {
        file: "core/alloc/refill.ts",
        guard: "  if (cache.rcuTarget != 0 && gracePeriodEnded(NORMAL, cache.rcuTarget)) {",
        without: "  if (cache.rcuTarget != 0) {",
      },
    ],
  },
  {
    name: "wrong-class",
    doc: "The class is chosen without the header: Linux's off by one of 2023.",
    scenario: "sizes",
    edits: [
      {
        file: "core/alloc/object-allocator.ts",
        guard: "classFor(step * 8 + <u32>HEADER_BYTES, 0)",
        without: "classFor(step * 8, 0)",
      },
    ],
  },
  {
    name: "slab-without-lock",
    doc: "Two CPUs are in one slab class at once.",
    scenario: "two-refills",
    edits: [
      {
        file: "core/cpu/lock.ts",
        guard: "  while (!claim(word, 0, mine)) {",
        without: "  claim(word, 0, mine);\n  while (false) {",
      },
    ],
  },
  {
    name: "unlocked-before-published",
    doc: "The control word shows a slot before the slot is written.",
    scenario: "reused-slot",
    edits: [
      {
        file: "core/maps/hash-fast.ts",
        guard:
          "  writeSlot(bucket, slot, hash, element);\n  publish64(bucket, (control | slotBit(slot)) + SEQUENCE);\n",
        without:
          "  publish64(bucket, (control | slotBit(slot)) + SEQUENCE);\n  writeSlot(bucket, slot, hash, element);\n",
      },
    ],
  },
  {
    name: "no-sequence",
    doc: "A change does not move the bucket's sequence on: an old scan passes for a new one.",
    scenario: "reused-slot",
    edits: [
      {
        file: "core/maps/bucket.ts",
        guard: "  publish64(bucket, control + SEQUENCE);\n",
        without: "  publish64(bucket, control);\n",
      },
      {
        file: "core/maps/hash-fast.ts",
        guard: "  publish64(bucket, (control | slotBit(slot)) + SEQUENCE);\n",
        without: "  publish64(bucket, control | slotBit(slot));\n",
      },
      {
        file: "core/maps/bucket.ts",
        guard: "claim64(bucket, control, (control & ~slotBit(<u32>slot)) + SEQUENCE)",
        without: "claim64(bucket, control, control & ~slotBit(<u32>slot))",
      },
    ],
  },
  {
    name: "unchecked-copy",
    doc: "A value is copied out without looking afterwards whether its bucket is as it was.",
    scenario: "large-values",
    edits: [
      {
        file: "core/maps/hash-lookup.ts",
        guard: "    if (isUnchanged(bucket, control)) return found ? 0 : -ENOENT;",
        without: "    return found ? 0 : -ENOENT;",
      },
    ],
  },
  {
    name: "pool-without-tag",
    doc: "A pop takes a head for the one it saw although that one went and came back.",
    scenario: "pool-two-cpus",
    edits: [
      {
        file: "core/base/stack.ts",
        guard: "  return <u64>first | ((<u64>tagOf(head) + 1) << 32);",
        without: "  return <u64>first;",
      },
    ],
  },
  {
    name: "counter-overshoot",
    doc: "The count is looked at, then raised: two CPUs both find room for the last entry.",
    scenario: "full-map",
    edits: [
      {
        file: "core/maps/count.ts",
        guard: "    if (claim(placesWord(map), taken, taken + count)) return true;",
        without: "    store<u32>(placesWord(map), taken + count);\n    return true;",
      },
    ],
  },
  {
    name: "nothing-to-depot",
    doc: "What waits for a grace period is not bounded, and other CPUs take new memory meanwhile.",
    scenario: "waiting-bounded",
    edits: [
      {
        file: "core/alloc/refill.ts",
        guard: "    if (mayWait || !giveToDepot(area, cache)) transferToTrimmed(area, cache);\n",
        without: "    transferToTrimmed(area, cache);\n",
      },
    ],
  },
  {
    name: "destroy-before-work",
    doc: "A map's memory goes back while its deferred work is queued.",
    scenario: "destroy-with-work",
    edits: [
      {
        file: "core/maps/lifecycle.ts",
        guard: "if (!allocatorIdle(mapSet(map, index))) return false;",
        without: "if (false) return false;",
      },
    ],
  },
  {
    name: "intent-not-settled",
    doc: "A CPU is reaped without a look at what its thread had in intent: the object is lost.",
    scenario: "killed-in-fast-insert",
    edits: [
      {
        file: "core/recovery/caches.ts",
        guard: "  resetCache(cache, gatherIntents(dead, cache, gathered, false), rcu);\n",
        without: "  resetCache(cache, gathered, rcu);\n",
      },
      {
        file: "core/recovery/caches.ts",
        guard: "  return !hasUnsettled(dead, cache);\n",
        without: "  return true;\n",
      },
    ],
  },
  {
    name: "transfer-too-late",
    doc: "Objects leave the free list before the transfer names them: a thread that dies in between loses them.",
    scenario: "killed-in-trim",
    edits: [
      {
        file: "core/alloc/refill.ts",
        guard:
          "    beginTransfer(area, changetype<usize>(cache), cache.owned - moved, first, moved);\n    cache.free = load<u32>(last);\n    cache.freeCount -= moved;\n",
        without:
          "    cache.free = load<u32>(last);\n    cache.freeCount -= moved;\n    beginTransfer(area, changetype<usize>(cache), cache.owned - moved, first, moved);\n",
      },
    ],
  },
  {
    name: "depot-not-settled",
    doc: "A CPU died between giving to the depot and counting it: the count stays wrong.",
    scenario: "killed-in-depot",
    edits: [
      {
        file: "core/recovery/caches.ts",
        guard: "  set.depotCount = chainLength(set.depot);\n  publish(depotLock(set), 0);\n",
        without: "  publish(depotLock(set), 0);\n",
      },
    ],
  },
  {
    name: "bucket-lock-not-broken",
    doc: "A bucket stays locked by a CPU that is dead.",
    scenario: "killed-in-fast-overwrite",
    edits: [
      {
        file: "core/recovery/reap.ts",
        guard: "  breakLocks(dead.id);\n",
        without: "",
      },
    ],
  },
  {
    name: "removal-not-counted",
    doc: "An operation that took effect and was cut off before it was counted is not counted.",
    scenario: "killed-in-fast-insert",
    edits: [
      {
        file: "core/maps/hash-reap.ts",
        guard: "  if (tookEffect(intent, verdict)) settleCount(levelCount(map, dead.id, level), intent);\n",
        without: "",
      },
    ],
  },
  {
    name: "run-freed-twice",
    doc: "A run of pages that arrived before its CPU died is freed once more.",
    scenario: "killed-in-array-life",
    edits: [
      {
        file: "core/recovery/memory.ts",
        guard: "    if (transfer.run != 0 && descriptor(pageOf(transfer.run)).state == PAGE_FREE) transfer.run = 0;\n",
        without: "",
      },
    ],
  },
  {
    name: "looked-at-once",
    doc: "An element that moves from a intent into the map while it is looked for is taken for lost.",
    scenario: "killed-in-fast-delete",
    edits: [
      {
        file: "core/maps/hash-lost.ts",
        guard: "    if (isNamed(dead, object)) continue;\n    if (isInTable(",
        without: "    if (isInTable(",
      },
    ],
  },
  {
    name: "depth-ignored",
    doc: "Whoever goes by an old number of buckets believes the bucket that it leads to.",
    scenario: "table-grows-slotted-changes",
    edits: [
      {
        file: "core/maps/bucket.ts",
        guard: "return (control & DEAD) == 0 && belongs(load<u32>(bucket, INDEX), control, hash);",
        without: "return (control & DEAD) == 0;",
      },
    ],
  },
  {
    name: "half-not-locked",
    doc: "A bucket comes alive unlocked, while the one that it is split off from still has its keys.",
    scenario: "table-grows-slotted-changes",
    edits: [
      {
        file: "core/maps/split.ts",
        guard: "  publish64(into, alive);\n",
        without: "  publish64(into, alive & ~OWNER_MASK);\n",
      },
    ],
  },
  {
    name: "chain-not-cut",
    doc: "What stays of a split bucket's chain goes on into the other bucket's.",
    scenario: "table-grows-chained-killed",
    edits: [{ file: "core/maps/split.ts", guard: "    if (first != 0) publish(cut, 0);\n", without: "" }],
  },
  {
    name: "merged-dead-first",
    doc: "A bucket dies before the one that it is merged into has its keys.",
    scenario: "table-shrinks-slotted-lookups",
    edits: [
      {
        file: "core/maps/split.ts",
        guard: "  publish64(into, whole);\n  publish64(from, makeDead(left));\n",
        without: "  publish64(from, makeDead(left));\n  publish64(into, whole);\n",
      },
    ],
  },
  {
    name: "split-not-repaired",
    doc: "The buckets of a dead migrator are unlocked as it left them.",
    scenario: "table-grows-slotted-killed",
    edits: [{ file: "core/maps/table-repair.ts", guard: "  settleBuckets(map, owner, false);\n", without: "" }],
  },
  {
    name: "walk-without-place",
    doc: "A walk takes all that a bucket has, which is larger by now than when it was there.",
    scenario: "table-shrinks-slotted-walk",
    edits: [
      {
        file: "core/maps/hash-scan.ts",
        guard: " && reverseBits(hash) >= from;",
        without: ";",
      },
    ],
  },
];
