/**
 * Mutants of the core (tools/mutate/mutate.ts) that no run can tell from it, and why. They are found by file and change, so a row
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
    file: "core/maps/tree/ordered-walk.ts",
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
    file: "core/maps/tree/reap.ts",
    change:
      "if (node != 0) nameObject(word, node, changetype<usize>(cache), 0); => if (node != 1) nameObject(word, node, changetype<usize>(cache), 0);",
    why: "A node is a multiple of 8. An intent that names no node is cleared two lines further, whatever cache it names.",
  },
  {
    file: "core/maps/tree/reap.ts",
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
    file: "core/maps/table/element.ts",
    change:
      "if (map.ring == 0 && cache.active == 0 && cache.freeCount < cache.high) { store<u32>(element, FREED, OPERATION_AT); cacheGive(area, cache, element, intent); return; } => ;",
    why: "A shorter way: the pool takes the element too, and whoever needs one looks there.",
  },
  {
    file: "core/attach.ts",
    change: "return block.pages > block.firstPage; => return block.pages >= block.firstPage;",
    why: "The least memory that is attached to has pages behind what comes before the first.",
  },
  {
    file: "core/maps/hash/fast.ts",
    change:
      "return sizeof<V>() != 8 && map.copyStride != 0 && load<u32>(element + map.valueOffset) == 0; => return sizeof<V>() != 0 && map.copyStride != 0 && load<u32>(element + map.valueOffset) == 0;",
    why: "Values of 8 bytes by this way are a hash's without copies: the compiler is told what the next condition says as well.",
  },
  {
    file: "core/mem/managed.ts",
    change:
      "const object = takeIntoTransfer(size, index, 0, 1, 0) != 0 ? transferFirst(transferOf(area)) : 0; => const object = takeIntoTransfer(size, index, 0, 1, 1) != 0 ? transferFirst(transferOf(area)) : 0;",
    why: "What would be cleared lies in the header, which is written afterwards.",
  },
  {
    file: "core/maps/lifecycle.ts",
    change: "map.keySize = keySize; map.valueSize = valueSize; => map.valueSize = valueSize; map.keySize = keySize;",
    why: "Nobody sees a map that is being built, and who frees one whose builder died looks at neither.",
  },
  {
    file: "core/maps/table/segment.ts",
    change: "let segments: u32 = 0; => let segments: u32 = 1;",
    why: "The first segment is there as long as the table, and is never retired.",
  },
  {
    file: "core/maps/hash/overwrite.ts",
    change:
      "setLive(count, count.live, operation); clearIntent(firstIntent(intents)); => clearIntent(firstIntent(intents)); setLive(count, count.live, operation);",
    why: "The operation's number is only asked for by what the first intent says, and the second one does not count.",
  },
  {
    file: "core/recovery/reap.ts",
    change: "closeAll(dead.id); enterRead(area); => enterRead(area); closeAll(dead.id);",
    why: "Maps are closed under the control plane's lock: the read section is for what comes after.",
  },
  {
    file: "core/maps/bloom.ts",
    change:
      "return hashBytes(value, map.valueSize, rotl<u64>(map.multiplier, 31) | 1) | 1; => return hashBytes(value, map.valueSize, rotl<u64>(map.multiplier, 31) | 2) | 1;",
    why: "Any second hash will do that is not the first one.",
  },
  {
    file: "core/alloc/object-allocator.ts",
    change: "header.serial = 0; => header.serial = 1;",
    why: "Any number will do that is not the serial with which somebody has opened the allocator.",
  },
  {
    file: "core/alloc/object-allocator.ts",
    change: "header.serial = 0; transfer.run = <u32>allocator; => transfer.run = <u32>allocator; header.serial = 0;",
    why: "Whoever dies between the two is still building the allocator, and who reaps it does both again.",
  },
  {
    file: "core/maps/many.ts",
    change: "const next = min(count - index, TOGETHER); => const next = min(count + index, TOGETHER);",
    why: "What lies behind the last key is only read, as keys whose buckets are touched and not used.",
  },
  {
    file: "core/maps/many.ts",
    change:
      "return map.kind == KIND_HASH && (map.fastKey == 4 || map.fastKey == 8) && isFar(map); => return map.kind == KIND_HASH && (map.fastKey == 0 || map.fastKey == 8) && isFar(map);",
    why: "What is touched ahead is only read, whatever it is taken for: a batch is slower or faster by it, and does the same.",
  },
  {
    file: "core/maps/tree/trie-update.ts",
    change:
      "store<u32>(childSlot(node, 0), load<u32>(childSlot(old, 0))); store<u32>(childSlot(node, 1), load<u32>(childSlot(old, 1))); => store<u32>(childSlot(node, 1), load<u32>(childSlot(old, 1))); store<u32>(childSlot(node, 0), load<u32>(childSlot(old, 0)));",
    why: "Two stores into a node that nobody can come to before it is shown.",
  },
  {
    file: "core/maps/tree/trie-update.ts",
    change:
      "store<u32>(childSlot(branch, bitOf(key, common)), <u32>node); store<u32>(childSlot(branch, bitOf(keyOf(there), common)), <u32>there); => store<u32>(childSlot(branch, bitOf(keyOf(there), common)), <u32>there); store<u32>(childSlot(branch, bitOf(key, common)), <u32>node);",
    why: "Two stores into a branch that nobody can come to before it is shown, to different children: there the two keys part.",
  },
  {
    file: "core/maps/hash/lru-evict.ts",
    change: "for (let turn: u32 = 0; turn < cpus; turn++) { => for (let turn: u32 = 0; turn <= cpus; turn++) {",
    why: "The CPU's own list, which was the first, is looked at once more: what has come to it meanwhile may be taken as well.",
  },
  {
    file: "core/maps/tree/ordered-walk.ts",
    change: "forget(way); way.isCut = 1; => way.isCut = 1; forget(way);",
    why: "Two words of the walk's own memory.",
  },
  {
    file: "core/maps/tree/ordered-update.ts",
    change:
      "sayOf(secondIntent(intents), MAYBE); sayOf(firstIntent(intents), MAYBE | COUNTS); => sayOf(firstIntent(intents), MAYBE | COUNTS); sayOf(secondIntent(intents), MAYBE);",
    why: "Who reaps between them finds neither node in the tree, and frees both whichever of them is said to be there perhaps.",
  },
  {
    file: "core/maps/tree/trie.ts",
    change:
      "if (longestPrefix(map) < 32) return longestMatchFrom(map, key, length, rootOf(map), 0); => if (longestPrefix(map) < 33) return longestMatchFrom(map, key, length, rootOf(map), 0);",
    why: "A faster way to the same entry: the other one takes keys of any length.",
  },
  {
    file: "core/mem/slab.ts",
    change: "each.slabs--; each.emptySlabs--; => each.emptySlabs--; each.slabs--;",
    why: "Both are of whoever has the class's lock, and who reaps counts them anew.",
  },
  {
    file: "core/maps/hash/create.ts",
    change: "export const MOST_POOLED: u32 = 96; => export const MOST_POOLED: u32 = 97;",
    why: "How many elements a CPU keeps for itself is a matter of speed.",
  },
  {
    file: "core/maps/tree/ordered-update.ts",
    change:
      "if (allocate(area, branchCache, secondIntent(intents), 0) != 0) return 0; => if (allocate(area, branchCache, secondIntent(intents), 1) != 0) return 0;",
    why: "1 is MAYBE: who reaps looks for the branch in the tree, does not find it there, and frees it as he would without looking.",
  },
  {
    file: "core/maps/table/bucket.ts",
    change: "const slot = (place - bucket - ELEMENTS) >> 2; => const slot = (place - bucket + ELEMENTS) >> 2;",
    why: "In removeAt no slot is one then: the element is taken out under the bucket's lock, as those of a chain are.",
  },
  {
    file: "core/alloc/cache.ts",
    change: "cache.active--; area.interruptsOff--; => area.interruptsOff--; cache.active--;",
    why: "The list is whole before either. An interrupt between them finds the cache busy and puts what it frees beside the list.",
  },
  {
    file: "core/maps/hash/lru-update.ts",
    change:
      "nameObject(firstIntent(intentsOf(area)), element, changetype<usize>(cache), COUNTS | parityOf(operation)); => ;",
    why: "The intent goes on saying MAYBE: who reaps looks for the element in the table, does not find it, and frees it all the same.",
  },
  {
    file: "core/maps/table/chain.ts",
    change:
      "return 1 << (((next & 1) << 2) | (next & 2) | ((next >>> 2) & 1)); => return 1 << (((next & 1) << 2) | (next & 2) | ((next >>> 0) & 1));",
    why: "Four classes instead of eight, in the same order: chains are looked through where a finer class would have told that there is nothing.",
  },
  {
    file: "core/maps/hash/lost.ts",
    change: "for (let look: u32 = 0; look < LOOKS; look++) { => for (let look: u32 = 1; look < LOOKS; look++) {",
    why: "One look less of many: what stays unclear is looked at again by the next reap.",
  },
  {
    file: "core/maps/table/segment.ts",
    change:
      "map.leastBuckets = SEGMENT_BUCKETS; map.mostBuckets = full; => map.mostBuckets = full; map.leastBuckets = SEGMENT_BUCKETS;",
    why: "Two words of a map that nobody else has.",
  },
  {
    file: "core/base/bytes.ts",
    change: "for (; offset + 8 <= size; offset += 8) { => for (; offset + 8 < size; offset += 8) {",
    why: "The last 8 bytes are compared one by one.",
  },
  {
    file: "core/maps/hash/lru-update.ts",
    change:
      "if (isPerCpu(map)) attachValue(area, map, element, value, allCpus, 0); => if (isPerCpu(map)) attachValue(area, map, element, value, allCpus, 1);",
    why: "The intent is for a value that is allocated: elements of a map that makes room have theirs from the start.",
  },
];
