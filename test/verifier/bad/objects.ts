/** Locks, objects that programs allocate, the lists, trees and places that keep them. */
import { type BadProgram, CHECKED, KPROBE, lookup, OUT, TC } from "./pieces.ts";

/** A value with a lock, in r6, and the lock taken. */
const GUARDED = `${lookup("guarded")}\n${CHECKED}\nr6 = r0`;
const LOCKED = "r1 = r6\ncall spin_lock";
const UNLOCKED = "r1 = r6\ncall spin_unlock";
/** An object in r7; where there is no memory it goes to `out`. */
export const NEW: string = "r1 = 9\nr2 = 0\ncall bpf_obj_new_impl\nif r0 == 0 goto out\nr7 = r0";
export const DROP: string = "r1 = r7\nr2 = 0\ncall bpf_obj_drop_impl";
const PUSH = "r1 = r6\nr1 += 8\nr2 = r7\nr2 += 8\nr3 = 0\nr4 = 0\ncall bpf_list_push_front_impl";
const POP = "r1 = r6\nr1 += 8\ncall bpf_list_pop_front";
const ADD = "r1 = r6\nr1 += 24\nr2 = r7\nr2 += 32\nr3 = function(less) ll\nr4 = 0\nr5 = 0\ncall bpf_rbtree_add_impl";
/** Takes the first node out of a tree, with what is done once it is out. */
const taken = (then: string): string =>
  `${GUARDED}\n${LOCKED}\n${FIRST}\nif r0 == 0 goto free\nr7 = r0\nr1 = r6\nr1 += 24\nr2 = r7\ncall bpf_rbtree_remove\nr8 = r0\n${then}\nif r8 == 0 goto out\nr1 = r8\nr1 += -32\nr2 = 0\ncall bpf_obj_drop_impl\ngoto out\nfree:\n${UNLOCKED}\n${OUT}`;
const FIRST = "r1 = r6\nr1 += 24\ncall bpf_rbtree_first";
const LESS = "less:\nr0 = 0\nr3 = *(u64 *)(r1 - 32)\nr4 = *(u64 *)(r2 - 32)\nif r3 >= r4 goto +1\nr0 = 1\nexit";

/** A value of `guarded` on the stack, all zeroes but for what is kept, and the arguments of an update. */
const VALUE_OF = (kept: number): string =>
  `*(u64 *)(r10 - 80) = 0
${[72, 64, 56, 48, 40, 32, 24, 16, 8].map((at) => `*(u64 *)(r10 - ${at}) = ${at === 32 ? kept : 0}`).join("\n")}
r2 = r10
r2 += -80
r3 = r10
r3 += -72
r1 = &guarded
r4 = 0`;

export const OBJECTS: readonly BadProgram[] = [
  {
    name: "an object is forgotten",
    section: TC,
    bad: `${NEW}\n${OUT}`,
    good: `${NEW}\n${DROP}\n${OUT}`,
    category: "reference",
    says: /it ends with an object, from instruction 2, that is neither dropped nor put anywhere/,
  },
  {
    name: "an object is dropped twice",
    section: TC,
    bad: `${NEW}\n${DROP}\n${DROP}\n${OUT}`,
    category: "argument",
    says: /bpf_obj_drop\(\) takes an object of its own as argument 1 and is given an object, which was given back before/,
  },
  {
    name: "an object is read after it was dropped",
    section: TC,
    bad: `${NEW}\n${DROP}\nr1 = *(u64 *)(r7 + 0)\n${OUT}`,
    good: `${NEW}\nr1 = *(u64 *)(r7 + 0)\n${DROP}\n${OUT}`,
    category: "released",
    says: /of an object \(r7\) that was given back before/,
  },
  {
    name: "an object may be none",
    section: TC,
    bad: "r1 = 9\nr2 = 0\ncall bpf_obj_new_impl\nr1 = *(u64 *)(r0 + 0)\nr0 = 0\nexit",
    category: "null",
    says: /an object of type item, which is NULL where there is none, or no memory for it/,
  },
  {
    name: "an object is written to behind its end",
    section: TC,
    bad: `${NEW}\n*(u64 *)(r7 + 80) = 1\n${DROP}\n${OUT}`,
    category: "bounds",
    says: /at offset 80 of an object of type item/,
  },
  {
    name: "an object's node is written to",
    section: TC,
    bad: `${NEW}\n*(u64 *)(r7 + 16) = 1\n${DROP}\n${OUT}`,
    category: "object",
    says: /inList, a list's node, which is used by its functions only/,
  },
  {
    name: "an object of a type that there is not",
    section: TC,
    bad: "r1 = 77\nr2 = 0\ncall bpf_obj_new_impl\nr0 = 0\nexit",
    category: "argument",
    says: /the number of a struct/,
  },
  {
    name: "a lock is not given back",
    section: TC,
    bad: `${GUARDED}\n${LOCKED}\n${OUT}`,
    good: `${GUARDED}\n${LOCKED}\n${UNLOCKED}\n${OUT}`,
    category: "reference",
    says: /it ends with a lock, from instruction \d+, that is not given back/,
  },
  {
    name: "a lock is taken twice",
    section: TC,
    bad: `${GUARDED}\n${LOCKED}\n${LOCKED}\n${OUT}`,
    category: "object",
    says: /bpf_spin_lock\(\) is called while a lock is held/,
  },
  {
    name: "a helper is called while a lock is held",
    section: TC,
    bad: `${GUARDED}\n${LOCKED}\ncall ktime_get_ns\n${UNLOCKED}\n${OUT}`,
    category: "object",
    says: /bpf_ktime_get_ns\(\) is called while a lock is held/,
  },
  {
    name: "another lock is given back than was taken",
    section: TC,
    bad: `${GUARDED}\nr9 = r6\n${lookup("guarded", "1")}\n${CHECKED}\nr6 = r0\n${LOCKED}\nr1 = r9\ncall spin_unlock\n${OUT}`,
    category: "object",
    says: /for another lock than the one that is held/,
  },
  {
    name: "a lock is given back that was not taken",
    section: TC,
    bad: `${GUARDED}\n${UNLOCKED}\n${OUT}`,
    category: "reference",
    says: /there is nothing to end: a lock was not begun/,
  },
  {
    name: "a lock that is none",
    section: TC,
    bad: `${GUARDED}\nr1 = r6\nr1 += 64\ncall spin_lock\n${OUT}`,
    category: "argument",
    says: /takes a lock \(struct bpf_spin_lock\)/,
  },
  {
    name: "a lock is written to",
    section: TC,
    bad: `${GUARDED}\n*(u32 *)(r6 + 0) = 1\n${OUT}`,
    good: `${GUARDED}\n*(u64 *)(r6 + 64) = 1\n${OUT}`,
    category: "object",
    says: /lock, a lock, which is used by its functions only/,
  },
  {
    name: "a helper writes over a lock",
    section: KPROBE,
    bad: `${GUARDED}\nr1 = r6\nr2 = 16\ncall get_current_comm\n${OUT}`,
    category: "object",
    says: /a lock/,
  },
  {
    name: "an object is put into a list without its lock",
    section: TC,
    bad: `${GUARDED}\n${NEW}\n${PUSH}\n${OUT}`,
    good: `${GUARDED}\n${NEW}\n${LOCKED}\n${PUSH}\n${UNLOCKED}\n${OUT}`,
    category: "object",
    says: /for list, and the lock beside it is not held/,
  },
  {
    name: "an object is looked at behind the lock after it was put into a list",
    section: TC,
    bad: `${GUARDED}\n${NEW}\n${LOCKED}\n${PUSH}\n${UNLOCKED}\nr1 = *(u64 *)(r7 + 0)\n${OUT}`,
    good: `${GUARDED}\n${NEW}\n${LOCKED}\n${PUSH}\nr1 = *(u64 *)(r7 + 0)\n${UNLOCKED}\n${OUT}`,
    category: "released",
    says: /looked at while a lock was held/,
  },
  {
    name: "an object is put into a list twice",
    section: TC,
    bad: `${GUARDED}\n${NEW}\n${LOCKED}\n${PUSH}\n${PUSH}\n${UNLOCKED}\n${OUT}`,
    category: "argument",
    says: /the node of an object of its own, as list holds them/,
  },
  {
    name: "an object goes into a list by the wrong node",
    section: TC,
    bad: `${GUARDED}\n${NEW}\n${LOCKED}\n${PUSH.replace("r2 += 8", "r2 += 32")}\n${UNLOCKED}\n${OUT}`,
    category: "argument",
    says: /as list holds them/,
  },
  {
    name: "what is taken out of a list is forgotten",
    section: TC,
    bad: `${GUARDED}\n${LOCKED}\n${POP}\nr7 = r0\n${UNLOCKED}\n${OUT}`,
    good: `${GUARDED}\n${LOCKED}\n${POP}\nr7 = r0\n${UNLOCKED}\nif r7 == 0 goto out\nr7 += -8\n${DROP}\n${OUT}`,
    category: "reference",
    says: /an object/,
  },
  {
    name: "a node of a list is dropped as if it were the object",
    section: TC,
    bad: `${GUARDED}\n${LOCKED}\n${POP}\nr7 = r0\n${UNLOCKED}\nif r7 == 0 goto out\n${DROP}\n${OUT}`,
    category: "argument",
    says: /an object of its own, from its beginning/,
  },
  {
    name: "a tree's first node is kept beyond the lock",
    section: TC,
    bad: `${GUARDED}\n${LOCKED}\n${FIRST}\nr7 = r0\n${UNLOCKED}\nif r7 == 0 goto out\nr1 = *(u64 *)(r7 - 32)\n${OUT}`,
    good: `${GUARDED}\n${LOCKED}\n${FIRST}\nif r0 == 0 goto free\nr7 = *(u64 *)(r0 - 32)\nfree:\n${UNLOCKED}\n${OUT}`,
    category: "released",
    says: /looked at while a lock was held/,
  },
  {
    name: "a node that was taken out of a tree is looked at by what led to it before, beyond the lock",
    section: TC,
    bad: taken(`${UNLOCKED}\nr1 = *(u64 *)(r7 - 32)`),
    good: taken(`r1 = *(u64 *)(r7 - 32)\n${UNLOCKED}`),
    category: "released",
    says: /looked at while a lock was held/,
  },
  {
    name: "a tree's first node is dropped where it is",
    section: TC,
    bad: `${GUARDED}\n${LOCKED}\n${FIRST}\nr7 = r0\nif r7 == 0 goto free\nr7 += -32\nfree:\n${UNLOCKED}\n${DROP}\n${OUT}`,
    category: "argument",
    says: /bpf_obj_drop\(\) takes an object of its own/,
  },
  {
    name: "the order of a tree calls a helper",
    section: TC,
    bad: `${GUARDED}\n${NEW}\n${LOCKED}\n${ADD}\n${UNLOCKED}\n${OUT}\nless:\ncall ktime_get_ns\nr0 = 0\nexit`,
    good: `${GUARDED}\n${NEW}\n${LOCKED}\n${ADD}\n${UNLOCKED}\n${OUT}\n${LESS}`,
    category: "object",
    says: /while a lock is held/,
  },
  {
    name: "a pointer that is kept for others is written to",
    section: TC,
    bad: `${GUARDED}\nr1 = 1\n*(u64 *)(r6 + 40) = r1\n${OUT}`,
    good: `${GUARDED}\nr1 = *(u64 *)(r6 + 40)\nif r1 == 0 goto out\n${OUT}`,
    category: "object",
    says: /kept, a pointer that is kept for others/,
  },
  {
    name: "a lock is made up by an update of its map, in one number with what is behind it",
    section: TC,
    bad: `${VALUE_OF(0)}\nr5 = 0x300000001 ll\n*(u64 *)(r10 - 72) = r5\ncall map_update_elem\nr0 = 0\nexit`,
    good: `${VALUE_OF(0)}\nr5 = 0x300000000 ll\n*(u64 *)(r10 - 72) = r5\ncall map_update_elem\nr0 = 0\nexit`,
    category: "object",
    says: /given a value whose lock, a lock .*, is not known to be 0/,
  },
  {
    name: "a kept pointer is made up by an update of its map",
    section: TC,
    bad: `${VALUE_OF(1)}\ncall map_update_elem\nr0 = 0\nexit`,
    good: `${VALUE_OF(0)}\ncall map_update_elem\nr0 = 0\nexit`,
    category: "object",
    says: /a value whose kept, a place for a pointer .*, is not known to be 0/,
  },
  {
    name: "what was kept before is forgotten",
    section: TC,
    bad: `${GUARDED}\n${NEW}\nr1 = r6\nr1 += 40\nr2 = r7\ncall kptr_xchg\n${OUT}`,
    good: `${GUARDED}\n${NEW}\nr1 = r6\nr1 += 40\nr2 = r7\ncall kptr_xchg\nif r0 == 0 goto out\nr7 = r0\n${DROP}\n${OUT}`,
    category: "reference",
    says: /an object/,
  },
  {
    name: "an object is used after it was kept for others",
    section: TC,
    bad: `${GUARDED}\n${NEW}\nr1 = r6\nr1 += 40\nr2 = r7\ncall kptr_xchg\nr1 = *(u64 *)(r7 + 0)\n${OUT}`,
    category: "released",
    says: /an object \(r7\) that was given back before/,
  },
  {
    name: "a number is kept as an object",
    section: TC,
    bad: `${GUARDED}\nr1 = r6\nr1 += 40\nr2 = 8\ncall kptr_xchg\n${OUT}`,
    category: "argument",
    says: /an object of type item, or 0/,
  },
  {
    name: "one more reference is forgotten",
    section: TC,
    bad: `${NEW}\nr1 = r7\nr2 = 0\ncall bpf_refcount_acquire_impl\n${DROP}\n${OUT}`,
    good: `${NEW}\nr1 = r7\nr2 = 0\ncall bpf_refcount_acquire_impl\nr8 = r0\n${DROP}\nr7 = r8\n${DROP}\n${OUT}`,
    category: "reference",
    says: /an object/,
  },
];
