/** Cores with a guard of the caches, their deferred work, the slab or the grace periods taken out. */
import type { Canary } from "./canary.ts";

export const ALLOC_CANARIES: readonly Canary[] = [
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
        guard: "  if (peek(mark) == WORK_RAISED || exchange(mark, WORK_RAISED) != WORK_IDLE) return;",
        without: "  exchange(mark, WORK_RAISED);",
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
        guard: "      beginWork(cache);\n",
        without: "",
      },
      {
        file: "core/alloc/deferred.ts",
        guard: "      endWork(area, cache);\n",
        without: "      beginWork(cache);\n      endWork(area, cache);\n",
      },
    ],
  },
  {
    name: "work-unmarked",
    doc: "The mark of raised work is gone when the work begins: the map may be freed in the middle of it.",
    scenario: "destroy-with-work",
    edits: [
      {
        file: "core/alloc/deferred.ts",
        guard: "      beginWork(cache);\n",
        without: "      beginWork(cache);\n      endWork(area, cache);\n",
      },
      {
        file: "core/alloc/deferred.ts",
        guard: "      runCacheWork(area, cache);\n      endWork(area, cache);\n",
        without: "      runCacheWork(area, cache);\n",
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
    name: "two-helpers-at-once",
    doc: "A helper serves a CPU that another one is serving: if that one dies, work is queued while it is done.",
    scenario: "killed-of-two-helpers",
    edits: [
      {
        file: "core/alloc/serve.ts",
        guard: "  return claim(serverWord(area), 0, helper.id + 1);\n",
        without: "  claim(serverWord(area), 0, helper.id + 1);\n  return true;\n",
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
];
