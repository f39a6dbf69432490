/** Cores with a guard of the hash, its table or its pool taken out. */
import type { Canary } from "./canary.ts";

export const MAP_CANARIES: readonly Canary[] = [
  {
    name: "replaced-to-other-class",
    doc: "What an element of another class replaced goes to the cache that the new one came from.",
    scenario: "variable-replaced",
    edits: [
      {
        file: "core/maps/hash/overwrite.ts",
        guard: "  const oldCache = cacheOfElement(area, map, old);\n",
        without: "  const oldCache = cache;\n",
      },
    ],
  },
  {
    name: "unlocked-before-published",
    doc: "The control word shows a slot before the slot is written.",
    scenario: "reused-slot",
    edits: [
      {
        file: "core/maps/hash/fast.ts",
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
        file: "core/maps/table/bucket.ts",
        guard: "  publish64(bucket, control + SEQUENCE);\n",
        without: "  publish64(bucket, control);\n",
      },
      {
        file: "core/maps/hash/fast.ts",
        guard: "  publish64(bucket, (control | slotBit(slot)) + SEQUENCE);\n",
        without: "  publish64(bucket, control | slotBit(slot));\n",
      },
      {
        file: "core/maps/table/bucket.ts",
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
        file: "core/maps/hash/lookup.ts",
        guard: "    if (!isUnchanged(bucket, control)) continue;\n    if (found) hideLock",
        without: "    if (found) hideLock",
      },
    ],
  },
  {
    name: "unchecked-scan",
    doc: "A bucket's entries are copied out without looking afterwards whether it is as it was.",
    scenario: "columns-while-writing",
    edits: [
      {
        file: "core/maps/hash/scan.ts",
        guard: "    if (!isUnchanged(bucket, control)) continue;\n    if (done",
        without: "    if (done",
      },
    ],
  },
  {
    name: "classes-of-before",
    doc: "A bucket has been split, and what its chain may have is still said by the former depth.",
    scenario: "table-grows-chained-lookups",
    edits: [
      {
        file: "core/maps/table/split.ts",
        guard: "  if (isChained) forgetClasses(from + OVERFLOW);\n",
        without: "",
      },
    ],
  },
  {
    name: "link-read-twice",
    doc: "A get reads the link to the element that it compared once more: by then it may lead to another key's.",
    scenario: "overflowing-bucket",
    edits: [
      {
        file: "core/maps/table/bucket.ts",
        guard: "  const element = elementInChain(map, bucket + OVERFLOW, hash, key);\n",
        without:
          "  const link = findInChain(map, bucket + OVERFLOW, hash, key);\n  const element: usize = link != 0 ? acquire(link) : 0;\n",
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
    name: "depth-ignored",
    doc: "Whoever goes by an old number of buckets believes the bucket that it leads to.",
    scenario: "table-grows-slotted-changes",
    edits: [
      {
        file: "core/maps/table/bucket.ts",
        guard: "return (control & DEAD) == 0 && belongs(peek(bucket + INDEX), control, hash);",
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
        file: "core/maps/table/split.ts",
        guard: "  publish64(into, alive);\n",
        without: "  publish64(into, alive & ~OWNER_MASK);\n",
      },
    ],
  },
  {
    name: "chain-not-cut",
    doc: "What stays of a split bucket's chain goes on into the other bucket's.",
    scenario: "table-grows-chained-killed",
    edits: [{ file: "core/maps/table/split.ts", guard: "    if (first != 0) publish(cut, 0);\n", without: "" }],
  },
  {
    name: "merged-dead-first",
    doc: "A bucket dies before the one that it is merged into has its keys.",
    scenario: "table-shrinks-slotted-lookups",
    edits: [
      {
        file: "core/maps/table/split.ts",
        guard: "  publish64(into, whole);\n  publish64(from, makeDead(left));\n",
        without: "  publish64(from, makeDead(left));\n  publish64(into, whole);\n",
      },
    ],
  },
  {
    name: "split-not-repaired",
    doc: "The buckets of a dead migrator are unlocked as it left them.",
    scenario: "table-grows-slotted-killed",
    edits: [{ file: "core/maps/table/repair.ts", guard: "  settleBuckets(map, owner, false);\n", without: "" }],
  },
  {
    name: "root-not-settled",
    doc: "A dead migrator's buckets are made right, and nobody tells how many there are.",
    scenario: "table-shrinks-slotted-killed",
    edits: [{ file: "core/maps/table/repair.ts", guard: "    settleRoot(map);\n", without: "" }],
  },
  {
    name: "segment-returned-at-once",
    doc: "A segment goes back as soon as the directory names it no longer.",
    scenario: "segment-returned",
    edits: [
      {
        file: "core/maps/table/segment.ts",
        guard: "  if (!gracePeriodEnded(OPERATION, map.retiredTarget)) return false;\n",
        without: "",
      },
    ],
  },
  {
    name: "walk-without-place",
    doc: "A walk takes all that a bucket has, which is larger by now than when it was there.",
    scenario: "table-shrinks-slotted-walk",
    edits: [
      {
        file: "core/maps/hash/scan.ts",
        guard: " && reverseBits(hash) >= from;",
        without: ";",
      },
    ],
  },
  {
    name: "ring-shown-before-written",
    doc: "A push shows its slot before the value is in it: who dies between leaves what nobody pushed.",
    scenario: "queue-killed",
    edits: [
      {
        file: "core/maps/ring/ring.ts",
        guard:
          "    copyBytes(valueAt(map, slotAfter(map, first, count)), value, map.valueSize);\n    store<u64>(map.storage, isFull ? stateOf(slotAfter(map, first, 1), count) : stateOf(first, count + 1));\n",
        without:
          "    store<u64>(map.storage, isFull ? stateOf(slotAfter(map, first, 1), count) : stateOf(first, count + 1));\n    copyBytes(valueAt(map, slotAfter(map, first, count)), value, map.valueSize);\n",
      },
    ],
  },
  {
    name: "trie-node-reused-at-once",
    doc: "A node that was taken out of a trie may be another prefix's before its readers have gone.",
    scenario: "trie-beside-lookup",
    edits: [
      {
        file: "core/maps/tree/tree.ts",
        guard:
          "  if (node != 0 && (word & RCU) != 0) cacheGiveRcu(area, cache, node);\n  else if (node != 0) cacheGive",
        without: "  if (node != 0) cacheGive",
      },
    ],
  },
  {
    name: "walk-without-second-look",
    doc: "A walk over an ordered map takes what it comes to for what it has looked for, whatever has come in between.",
    scenario: "ordered-walk",
    edits: [
      {
        file: "core/maps/tree/ordered-walk.ts",
        guard: "    if (first == 0 || partingFrom(first, bytes, length) != parting) continue;\n",
        without: "",
      },
    ],
  },
  {
    name: "walk-in-reused-nodes",
    doc: "A node that was taken out of an ordered map may be another entry's before a walk has left it.",
    scenario: "ordered-walk-down",
    edits: [
      {
        file: "core/maps/tree/tree.ts",
        guard:
          "  if (node != 0 && (word & RCU) != 0) cacheGiveRcu(area, cache, node);\n  else if (node != 0) cacheGive",
        without: "  if (node != 0) cacheGive",
      },
    ],
  },
  {
    name: "walked-entry-not-asked-for",
    doc: "An entry is read where a walk came by it, whatever has changed since.",
    scenario: "ordered-read-walked",
    edits: [
      {
        file: "core/maps/tree/tree.ts",
        guard: "  return stamp != 0 && acquire64(changesWord(map)) == stamp;",
        without: "  return stamp != 0;",
      },
    ],
  },
  {
    name: "stamp-of-a-change-under-way",
    doc: "A walk takes what it sees for what will be there, while a change has been counted and not shown.",
    scenario: "ordered-read-walked",
    edits: [
      {
        file: "core/maps/tree/tree.ts",
        guard: "  return acquire(treeLock(map)) == 0 ? changes : 0;",
        without: "  return changes;",
      },
    ],
  },
  {
    name: "trie-count-not-settled",
    doc: "Whoever reaps a CPU that showed a change and died before it was counted lets the count be.",
    scenario: "trie-killed",
    edits: [
      {
        file: "core/maps/tree/reap.ts",
        guard: "    if ((intent & COUNTS) != 0 && isShown(map, intent)) map.treeCount = map.treePending;\n",
        without: "",
      },
    ],
  },
  {
    name: "value-written-unlocked",
    doc: "A value is written without its lock: who reads it under it sees half of it.",
    scenario: "value-locks-killed",
    edits: [
      {
        file: "core/maps/hash/locked.ts",
        guard:
          "    const locked = takeSpinLock(area, lock);\n    if (locked != 0) return locked;\n    const written = writeIfThere(area, map, hash, key, element, value);\n    dropSpinLock(area, lock);\n",
        without: "    const written = writeIfThere(area, map, hash, key, element, value);\n",
      },
    ],
  },
  {
    name: "dead-value-lock-kept",
    doc: "Whoever reaps a CPU leaves the locks in values that it has: nobody gets them any more.",
    scenario: "value-locks-killed",
    edits: [{ file: "core/recovery/reap.ts", guard: "  settleSpinLocks(dead);\n", without: "" }],
  },
  {
    name: "inner-output-shows",
    doc: "An output in the middle of another shows what there is: the consumer gets a record that is still being filled.",
    scenario: "perf-buffer-killed",
    edits: [
      {
        file: "core/maps/ring/perf-buffer.ts",
        guard: "    publish(word, peek(word) - 1);\n    return;\n",
        without: "    publish(word, peek(word) - 1);\n    publish64(producedWord(ring), peek64(ring));\n    return;\n",
      },
    ],
  },
  {
    name: "inner-output-forgotten",
    doc: "Who shows records does not look again: what an output put in meanwhile, and left to it, does not come.",
    scenario: "perf-buffer-killed",
    edits: [
      {
        file: "core/maps/ring/perf-buffer.ts",
        guard: "    if (peek64(ring) == end) return;\n",
        without: "    if (peek64(ring) >= end) return;\n",
      },
    ],
  },
  {
    name: "dead-output-goes-on",
    doc: "Whoever reaps a CPU leaves it in the middle of its output: nothing that the slot's next holder hands over is shown.",
    scenario: "perf-buffer-killed",
    edits: [
      {
        file: "core/maps/ring/perf-buffer.ts",
        guard: "  publish(depthWord(ring), 0);\n",
        without: "",
      },
    ],
  },
  {
    name: "record-shown-before-busy",
    doc: "A reservation is shown before its header says that it is being filled: what lay there is taken for a record.",
    scenario: "records-killed",
    edits: [
      {
        file: "core/maps/ring/ringbuf.ts",
        guard: "    store<u32>(header, size | BUSY);\n    publish64(producedWord(map), end);\n",
        without: "    publish64(producedWord(map), end);\n    store<u32>(header, size | BUSY);\n",
      },
    ],
  },
  {
    name: "dead-records-kept",
    doc: "Whoever reaps a producer leaves the records that it was filling: nothing behind them ever comes.",
    scenario: "records-killed",
    edits: [{ file: "core/maps/ring/ringbuf.ts", guard: "  discardOf(map, cpu);\n", without: "" }],
  },
  {
    name: "drains-at-once",
    doc: "Whoever begins to drain a user ring buffer does not look whether somebody does: two pass what one has in hand.",
    scenario: "drain-killed",
    edits: [
      {
        file: "core/maps/ring/user-ringbuf.ts",
        guard: "return claim(consumerLock(mapAt(address)), 0, thisCpu().id + 1) ? 0 : -EBUSY;",
        without: "publish(consumerLock(mapAt(address)), thisCpu().id + 1);\n  return thisCpu().id == 99 ? -EBUSY : 0;",
      },
    ],
  },
];
