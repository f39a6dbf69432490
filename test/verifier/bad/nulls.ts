/** Values and records that may not be there. */
import { type BadProgram, CHECKED, END, KPROBE, lookup, OUT, RESERVE, SIZES, SUBMIT, UNKNOWN } from "./pieces.ts";

const LOOKUPS = [
  ["counts", 16],
  ["array", 16],
  ["percpu", 8],
  ["trie", 8],
] as const;

/** A value is used although there may be none. */
export const NULLS: readonly BadProgram[] = [
  ...LOOKUPS.flatMap(([map]) =>
    SIZES.map(
      ([type]): BadProgram => ({
        name: `a ${type} of a value of ${map} is read, which may not be there`,
        section: KPROBE,
        bad: `${lookup(map)}\nr0 = *(${type} *)(r0 + 0)\nexit`,
        good: `${lookup(map)}\n${CHECKED}\nr0 = *(${type} *)(r0 + 0)\n${OUT}`,
        category: "null",
        says: new RegExp(
          `reads \\d bytes? through r0, a value of map ${map}, which is NULL where there is no such entry`,
        ),
      }),
    ),
  ),
  ...LOOKUPS.map(
    ([map]): BadProgram => ({
      name: `a value of ${map} is written to, which may not be there`,
      section: KPROBE,
      bad: `${lookup(map)}\nr1 = 1\n*(u64 *)(r0 + 0) = r1\n${END}`,
      good: `${lookup(map)}\n${CHECKED}\nr1 = 1\n*(u64 *)(r0 + 0) = r1\n${OUT}`,
      category: "null",
      says: /writes 8 bytes through r0/,
    }),
  ),
  {
    name: "a value behind an array's end",
    section: KPROBE,
    bad: `*(u32 *)(r10 - 8) = 4\nr2 = r10\nr2 += -8\nr1 = &array\ncall map_lookup_elem\nr0 = *(u64 *)(r0 + 0)\nexit`,
    good: `*(u32 *)(r10 - 8) = 3\nr2 = r10\nr2 += -8\nr1 = &array\ncall map_lookup_elem\nr0 = *(u64 *)(r0 + 0)\nexit`,
    category: "null",
    says: /through r0, a value of map array, which is NULL/,
  },
  {
    name: "the wrong way of a comparison with NULL",
    section: KPROBE,
    bad: `${lookup("counts")}\nif r0 != 0 goto out\nr1 = *(u64 *)(r0 + 0)\n${OUT}`,
    good: `${lookup("counts")}\nif r0 == 0 goto out\nr1 = *(u64 *)(r0 + 0)\n${OUT}`,
    category: "null",
    says: /at NULL \(r0 is 0 here\)/,
  },
  {
    name: "one of two lookups is compared",
    section: KPROBE,
    bad: `${lookup("counts")}\nr6 = r0\n${lookup("counts", "1")}\n${CHECKED}\nr1 = *(u64 *)(r6 + 0)\n${OUT}`,
    good: `${lookup("counts")}\nr6 = r0\n${lookup("counts", "1")}\nif r6 == 0 goto out\nr1 = *(u64 *)(r6 + 0)\n${OUT}`,
    category: "null",
    says: /through r6/,
  },
  {
    name: "a copy is compared, after a second lookup",
    section: KPROBE,
    bad: `${lookup("counts")}\nr6 = r0\n${lookup("array")}\nif r6 == 0 goto out\nr1 = *(u64 *)(r0 + 0)\n${OUT}`,
    good: `${lookup("counts")}\nr6 = r0\nif r6 == 0 goto out\nr1 = *(u64 *)(r0 + 0)\n${OUT}`,
    category: "null",
    says: /a value of map array/,
  },
  {
    name: "the comparison is on one path only",
    section: KPROBE,
    bad: `${UNKNOWN}\n${lookup("counts")}\nif r6 == 7 goto use\n${CHECKED}\nuse:\nr1 = *(u64 *)(r0 + 0)\n${OUT}`,
    good: `${UNKNOWN}\n${lookup("counts")}\n${CHECKED}\nif r6 == 7 goto use\nuse:\nr1 = *(u64 *)(r0 + 0)\n${OUT}`,
    category: "null",
    says: /NULL/,
  },
  {
    name: "a value that was spilled is used without a comparison",
    section: KPROBE,
    bad: `${lookup("counts")}\n*(u64 *)(r10 - 16) = r0\nr1 = *(u64 *)(r10 - 16)\nr1 = *(u64 *)(r1 + 8)\n${END}`,
    good: `${lookup("counts")}\n*(u64 *)(r10 - 16) = r0\n${CHECKED}\nr1 = *(u64 *)(r10 - 16)\nr1 = *(u64 *)(r1 + 8)\n${OUT}`,
    category: "null",
    says: /through r1/,
  },
  {
    name: "an atomic addition to a value that may not be there",
    section: KPROBE,
    bad: `${lookup("counts")}\nr1 = 1\nlock *(u64 *)(r0 + 0) += r1\n${END}`,
    good: `${lookup("counts")}\n${CHECKED}\nr1 = 1\nlock *(u64 *)(r0 + 0) += r1\n${OUT}`,
    category: "null",
    says: /changes 8 bytes through r0/,
  },
  {
    name: "a record that may not be there is written to",
    section: KPROBE,
    bad: `${RESERVE}\nr1 = r0\nr6 = 1\n*(u64 *)(r1 + 0) = r6\n${SUBMIT}\n${END}`,
    good: `${RESERVE}\n${CHECKED}\nr1 = r0\nr6 = 1\n*(u64 *)(r1 + 0) = r6\n${SUBMIT}\n${OUT}`,
    category: "null",
    says: /a record of 16 bytes, which is NULL where there is no room/,
  },
  {
    name: "a value that may not be there is a helper's source",
    section: KPROBE,
    bad: `${lookup("counts")}\nr3 = r0\nr1 = &counts\nr2 = r10\nr2 += -8\nr4 = 0\ncall map_update_elem\n${END}`,
    good: `${lookup("counts")}\n${CHECKED}\nr3 = r0\nr1 = &counts\nr2 = r10\nr2 += -8\nr4 = 0\ncall map_update_elem\n${OUT}`,
    category: "null",
    says: /through r3/,
  },
  {
    name: "a value that may not be there is a helper's key",
    section: KPROBE,
    bad: `${lookup("array")}\nr2 = r0\nr1 = &counts\ncall map_lookup_elem\n${END}`,
    good: `${lookup("array")}\n${CHECKED}\nr2 = r0\nr1 = &counts\ncall map_lookup_elem\n${OUT}`,
    category: "null",
    says: /reads 4 bytes through r2/,
  },
  {
    name: "a value that may not be there is passed to a function that uses it",
    section: KPROBE,
    bad: `${lookup("counts")}\nr1 = r0\ncall f\n${END}\nf:\nr0 = *(u64 *)(r1 + 0)\nexit`,
    good: `${lookup("counts")}\nr1 = r0\ncall f\n${END}\nf:\nr0 = 0\nif r1 == 0 goto done\nr0 = *(u64 *)(r1 + 0)\ndone:\nexit`,
    category: "null",
    says: /through r1/,
  },
  {
    name: "a function returns a value that may not be there",
    section: KPROBE,
    bad: `call f\nr0 = *(u64 *)(r0 + 0)\nexit\nf:\n${lookup("counts")}\nexit`,
    good: `call f\n${CHECKED}\nr0 = *(u64 *)(r0 + 0)\n${OUT}\nf:\n${lookup("counts")}\nexit`,
    category: "null",
    says: /through r0/,
  },
  {
    name: "0 is taken for a pointer",
    section: KPROBE,
    bad: "r1 = 0\nr0 = *(u64 *)(r1 + 0)\nexit",
    category: "null",
    says: /at NULL \(r1 is 0 here\)/,
  },
  {
    name: "another lookup of the same key is no proof",
    section: KPROBE,
    bad: `${lookup("counts")}\n${CHECKED}\n${lookup("counts")}\nr1 = *(u64 *)(r0 + 0)\n${OUT}`,
    good: `${lookup("counts")}\n${CHECKED}\nr1 = *(u64 *)(r0 + 0)\n${OUT}`,
    category: "null",
    says: /NULL/,
  },
];
