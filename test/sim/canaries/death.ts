/** Cores that forget something of a thread that died. */
import type { Canary } from "./canary.ts";

export const DEATH_CANARIES: readonly Canary[] = [
  {
    name: "intent-not-settled",
    doc: "A CPU is reaped without a look at what its thread had in intent: the object is lost.",
    scenario: "killed-in-fast-insert",
    edits: [
      {
        file: "core/recovery/caches.ts",
        guard: "  gatherIntents(dead, cache, false);\n",
        without: "",
      },
      {
        file: "core/recovery/caches.ts",
        guard: "  return !hasUnsettled(dead, cache);\n",
        without: "  return true;\n",
      },
    ],
  },
  {
    name: "companion-cleared-late",
    doc: "What comes from the slab says that it has no companion once the whole batch is there: of a thread that dies before, it has another's.",
    scenario: "killed-in-percpu-refill",
    edits: [
      {
        file: "core/mem/slab.ts",
        guard: "    if (clearAt != 0) store<u32>(object + clearAt, 0);\n",
        without: "",
      },
      {
        file: "core/mem/slab.ts",
        guard: "  unlock(lockOf(index));\n  return taken;\n",
        without:
          "  unlock(lockOf(index));\n  let fresh = chain;\n  for (let left = taken; left != 0 && clearAt != 0; left--) {\n    store<u32>(fresh + clearAt, 0);\n    fresh = load<u32>(fresh);\n  }\n  return taken;\n",
      },
    ],
  },
  {
    name: "gathered-from-own-caches",
    doc: "Of a map that a dead thread was freeing, a value that an element of another CPU's cache keeps is taken for nobody's.",
    scenario: "killed-in-percpu-life",
    edits: [
      {
        file: "core/maps/percpu-value.ts",
        guard: "    if (cpu != dead.id && !isFreeing) continue;\n",
        without: "    if (cpu != dead.id) continue;\n",
      },
    ],
  },
  {
    name: "gathered-in-no-list",
    doc: "A reaper empties the lists before what it has gathered is on one: it dies, and all of it is lost.",
    scenario: "killed-reaper",
    edits: [
      {
        file: "core/recovery/caches.ts",
        guard: "  cache.byGp = <u32>gathered;\n",
        without: "",
      },
      {
        file: "core/recovery/caches.ts",
        guard: "  cache.rcuTarget = 0;\n}",
        without: "  cache.rcuTarget = 0;\n  cache.byGp = <u32>gathered;\n}",
      },
    ],
  },
  {
    name: "marks-left",
    doc: "Whoever reaps after a reaper's death takes its marks for its own: it stops at them, and objects are lost.",
    scenario: "killed-reaper",
    edits: [
      {
        file: "core/recovery/reap.ts",
        guard:
          "  for (let set = firstSet(); set != 0; set = setAt(set).nextSet) unmarkCache(dead, cacheOf(set, dead.id));\n",
        without: "",
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
        guard: "  if (!breakLocks(dead.id)) return false;\n",
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
        file: "core/maps/hash/reap.ts",
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
        file: "core/maps/hash/lost.ts",
        guard: "    if (isNamed(dead, object)) continue;\n    if (isInTable(",
        without: "    if (isInTable(",
      },
    ],
  },
];
