/** Records that were given back, or never are; what may only be read. */
import { type BadProgram, CHECKED, END, KPROBE, OUT, RESERVE, SIZES, SUBMIT, TC, UNKNOWN } from "./pieces.ts";

export const RELEASED: readonly BadProgram[] = [
  ...["ringbuf_submit", "ringbuf_discard"].flatMap((call): BadProgram[] => [
    {
      name: `a record is read after ${call}`,
      section: KPROBE,
      bad: `${RESERVE}\n${CHECKED}\nr6 = r0\nr1 = r0\nr2 = 0\ncall ${call}\nr1 = *(u64 *)(r6 + 0)\n${OUT}`,
      good: `${RESERVE}\n${CHECKED}\nr6 = r0\nr1 = *(u64 *)(r6 + 0)\nr1 = r0\nr2 = 0\ncall ${call}\n${OUT}`,
      category: "released",
      says: /a record \(r6\) that was given back before/,
    },
    {
      name: `a record is written to after ${call}`,
      section: KPROBE,
      bad: `${RESERVE}\n${CHECKED}\nr6 = r0\nr1 = r0\nr2 = 0\ncall ${call}\nr1 = 1\n*(u32 *)(r6 + 4) = r1\n${OUT}`,
      category: "released",
      says: /writes 4 bytes of a record/,
    },
    {
      name: `a record is not given back on one path before ${call}`,
      section: KPROBE,
      bad: `${UNKNOWN}\n${RESERVE}\n${CHECKED}\nif r6 > 9 goto out\nr1 = r0\nr2 = 0\ncall ${call}\n${OUT}`,
      good: `${UNKNOWN}\n${RESERVE}\n${CHECKED}\nr1 = r0\nr2 = 0\ncall ${call}\nif r6 > 9 goto out\n${OUT}`,
      category: "reference",
      says: /it ends with a record, from instruction \d+, that is neither submitted nor discarded/,
    },
    {
      name: `a record is given back twice by ${call}`,
      section: KPROBE,
      bad: `${RESERVE}\n${CHECKED}\nr6 = r0\nr1 = r0\nr2 = 0\ncall ${call}\nr1 = r6\nr2 = 0\ncall ${call}\n${OUT}`,
      category: "argument",
      says: new RegExp(`bpf_${call}\\(\\) takes a reserved record as argument 1`),
    },
    {
      name: `what may be no record is given back by ${call}`,
      section: KPROBE,
      bad: `${RESERVE}\nr1 = r0\nr2 = 0\ncall ${call}\n${END}`,
      good: `${RESERVE}\n${CHECKED}\nr1 = r0\nr2 = 0\ncall ${call}\n${OUT}`,
      category: "argument",
      says: /or NULL/,
    },
    {
      name: `the middle of a record is given back by ${call}`,
      section: KPROBE,
      bad: `${RESERVE}\n${CHECKED}\nr1 = r0\nr1 += 8\nr2 = 0\ncall ${call}\n${OUT}`,
      category: "argument",
      says: /a record's beginning/,
    },
  ]),
  {
    name: "a record is reserved and forgotten",
    section: KPROBE,
    bad: `${RESERVE}\n${END}`,
    category: "reference",
    says: /neither submitted nor discarded/,
  },
  {
    name: "the second of two records is forgotten",
    section: KPROBE,
    bad: `${RESERVE}\n${CHECKED}\nr6 = r0\n${RESERVE}\nr1 = r6\n${SUBMIT}\n${OUT}`,
    category: "reference",
    says: /neither/,
  },
  {
    name: "a record that a function has given back",
    section: KPROBE,
    bad: `${RESERVE}\n${CHECKED}\nr6 = r0\nr1 = r0\ncall f\nr1 = *(u64 *)(r6 + 0)\n${OUT}\nf:\n${SUBMIT}\n${END}`,
    category: "released",
    says: /given back/,
  },
  {
    name: "a record that was kept on the stack and given back",
    section: KPROBE,
    bad: `${RESERVE}\n${CHECKED}\n*(u64 *)(r10 - 8) = r0\nr1 = r0\n${SUBMIT}\nr1 = *(u64 *)(r10 - 8)\nr1 = *(u64 *)(r1 + 0)\n${OUT}`,
    category: "released",
    says: /given back/,
  },
];

export const READ_ONLY: readonly BadProgram[] = [
  ...SIZES.map(
    ([type]): BadProgram => ({
      name: `a constant variable is written to: ${type}`,
      section: KPROBE,
      bad: `r1 = &.rodata\nr2 = 0\n*(${type} *)(r1 + 8) = r2\n${END}`,
      good: `r1 = &.bss\nr2 = 0\n*(${type} *)(r1 + 8) = r2\n${END}`,
      category: "read-only",
      says: /the variables in \.rodata, which programs may only read/,
    }),
  ),
  {
    name: "a helper writes to a constant variable",
    section: KPROBE,
    bad: `r1 = &.rodata\nr2 = 16\ncall get_current_comm\n${END}`,
    good: `r1 = &.bss\nr2 = 16\ncall get_current_comm\n${END}`,
    category: "read-only",
    says: /\.rodata/,
  },
  {
    name: "an atomic addition to a constant variable",
    section: KPROBE,
    bad: `r1 = &.rodata\nr2 = 1\nlock *(u64 *)(r1 + 0) += r2\n${END}`,
    good: `r1 = &.bss\nr2 = 1\nlock *(u64 *)(r1 + 0) += r2\n${END}`,
    category: "read-only",
    says: /changes 8 bytes/,
  },
  ...["kprobe/f", "raw_tp/kfree", "fentry/f", "tp/sched/sched_switch", "xdp", "perf_event"].map(
    (section): BadProgram => ({
      name: `the context of ${section} is written to`,
      section,
      bad: `r2 = 0\n*(u32 *)(r1 + 8) = r2\n${END}`,
      category: "context",
      says: /may not write to/,
    }),
  ),
  {
    name: "a field of a packet's struct that is not the program's is written to",
    section: TC,
    bad: `r2 = 0\n*(u32 *)(r1 + 16) = r2\n${END}`,
    good: `r2 = 0\n*(u32 *)(r1 + 8) = r2\n${END}`,
    category: "context",
    says: /offset 16/,
  },
];
