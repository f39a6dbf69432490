/** Dynptrs, iterators, functions that helpers call, and sections that have to be ended. */
import { type BadProgram, CHECKED, END, KPROBE, lookup, OUT, TC, UNKNOWN, XDP } from "./pieces.ts";

/** Hands each record of threads to `body`, with a place in the caller's frame. */
const DRAIN = "r1 = &commands\nr2 = function(body) ll\nr3 = r10\nr3 += -16\nr4 = 0\ncall user_ringbuf_drain";
/** The first byte of a dynptr. */
const PART = "r2 = 0\nr3 = 1\ncall dynptr_data";
const RECORD = "r1 = &ring\nr2 = 16\nr3 = 0\nr4 = r10\nr4 += -16\ncall ringbuf_reserve_dynptr";
const GIVE = "r1 = r10\nr1 += -16\nr2 = 0\ncall ringbuf_submit_dynptr";
const DATA = "r1 = r10\nr1 += -16\nr2 = 0\nr3 = 8\ncall dynptr_data";

/** What they are given does not matter: test/arena has those that may be called. */
const SLEEPING: readonly BadProgram[] = [
  {
    name: "a function that may sleep is called by a program that may not",
    section: KPROBE,
    bad: `r1 = &commands\nr2 = 0\nw3 = 1\ncall bpf_arena_free_pages\n${END}`,
    category: "sleep",
    says: /may sleep, and a program of type kprobe in this section may not/,
  },
  {
    name: "a function that may sleep is called where nothing may",
    section: "syscall",
    bad: `call bpf_rcu_read_lock\nr1 = &commands\nr2 = 0\nw3 = 1\ncall bpf_arena_free_pages\ncall bpf_rcu_read_unlock\n${END}`,
    category: "sleep",
    says: /may sleep, and is called in an RCU read section/,
  },
  {
    name: "memory of a process is copied by a program that may not sleep",
    section: KPROBE,
    bad: `r1 = r10\nr1 += -8\nr2 = 8\nr3 = 1\ncall copy_from_user\n${END}`,
    good: `r1 = r10\nr1 += -8\nr2 = 8\nr3 = 1\ncall probe_read_user\n${END}`,
    category: "sleep",
    says: /copy_from_user\(\) may sleep, and a program of type kprobe in this section may not/,
  },
];

const DYNPTRS: readonly BadProgram[] = [
  {
    name: "a dynptr to a record is forgotten",
    section: KPROBE,
    bad: `${RECORD}\n${END}`,
    good: `${RECORD}\n${GIVE}\n${END}`,
    category: "reference",
    says: /it ends with a dynptr to a record, from instruction \d+, that is neither submitted nor discarded/,
  },
  {
    name: "a dynptr to a record is given back twice",
    section: KPROBE,
    bad: `${RECORD}\n${GIVE}\n${GIVE}\n${END}`,
    category: "argument",
    says: /takes a dynptr to a record as argument 1/,
  },
  {
    name: "what a dynptr led to is used after it was given back",
    section: KPROBE,
    bad: `${RECORD}\n${DATA}\nr6 = r0\n${GIVE}\nif r6 == 0 goto out\n*(u64 *)(r6 + 0) = 1\n${OUT}`,
    good: `${RECORD}\n${DATA}\nr6 = r0\nif r6 == 0 goto give\n*(u64 *)(r6 + 0) = 1\ngive:\n${GIVE}\n${END}`,
    category: "released",
    says: /given back before/,
  },
  {
    name: "what a dynptr leads to may have fewer bytes",
    section: KPROBE,
    bad: `${RECORD}\n${DATA}\n*(u64 *)(r0 + 0) = 1\n${GIVE}\n${END}`,
    category: "null",
    says: /which is NULL where it has fewer bytes/,
  },
  {
    name: "what a dynptr leads to has no more bytes than were asked for",
    section: KPROBE,
    bad: `${RECORD}\n${DATA}\nif r0 == 0 goto give\n*(u64 *)(r0 + 8) = 1\ngive:\n${GIVE}\n${END}`,
    category: "bounds",
    says: /at offset 8 of what a dynptr leads to of 8 bytes/,
  },
  {
    name: "a dynptr is written over",
    section: KPROBE,
    bad: `${RECORD}\n*(u64 *)(r10 - 16) = 0\n${GIVE}\n${END}`,
    category: "argument",
    says: /a dynptr to a record/,
  },
  {
    name: "a dynptr is read as if it were memory",
    section: KPROBE,
    bad: `${RECORD}\nr6 = *(u64 *)(r10 - 16)\n${GIVE}\n${END}`,
    category: "object",
    says: /reads 8 bytes of a dynptr on the stack/,
  },
  {
    name: "a dynptr is used that was never made",
    section: KPROBE,
    bad: `${DATA}\n${END}`,
    category: "argument",
    says: /takes a dynptr that was made before as argument 1/,
  },
  {
    name: "a dynptr is used from its middle",
    section: KPROBE,
    bad: `${RECORD}\n${DATA.replace("r1 += -16", "r1 += -8")}\n${GIVE}\n${END}`,
    category: "argument",
    says: /a dynptr/,
  },
  {
    name: "a dynptr is made where another one is still in use",
    section: KPROBE,
    bad: `${RECORD}\n${RECORD}\n${GIVE}\n${END}`,
    category: "object",
    says: /makes a dynptr where a dynptr is that is still in use/,
  },
  {
    name: "a part of a packet is used after the packet has moved",
    section: XDP,
    bad: `r6 = r1\nr2 = 0\nr3 = r10\nr3 += -16\ncall bpf_dynptr_from_xdp\nr1 = r10\nr1 += -16\nr2 = 0\nr3 = r10\nr3 += -24\nr4 = 8\ncall bpf_dynptr_slice\nif r0 == 0 goto out\nr7 = r0\nr1 = r6\nr2 = 4\ncall xdp_adjust_head\nr1 = *(u64 *)(r7 + 0)\n${OUT}`,
    good: `r6 = r1\nr2 = 0\nr3 = r10\nr3 += -16\ncall bpf_dynptr_from_xdp\nr1 = r10\nr1 += -16\nr2 = 0\nr3 = r10\nr3 += -24\nr4 = 8\ncall bpf_dynptr_slice\nif r0 == 0 goto out\nr1 = *(u64 *)(r0 + 0)\n${OUT}`,
    category: "type",
    says: /which is a number/,
  },
  {
    name: "a part of a packet that may only be read is written to",
    section: XDP,
    bad: `r2 = 0\nr3 = r10\nr3 += -16\ncall bpf_dynptr_from_xdp\nr1 = r10\nr1 += -16\nr2 = 0\nr3 = r10\nr3 += -24\nr4 = 8\ncall bpf_dynptr_slice\nif r0 == 0 goto out\n*(u64 *)(r0 + 0) = 1\n${OUT}`,
    category: "read-only",
    says: /what a dynptr leads to/,
  },
];

const ITERATE = "r1 = r10\nr1 += -8\nr2 = 0\nr3 = 100\ncall bpf_iter_num_new";
const NEXT = "r1 = r10\nr1 += -8\ncall bpf_iter_num_next";
const DESTROY = "r1 = r10\nr1 += -8\ncall bpf_iter_num_destroy";

const ITERATORS: readonly BadProgram[] = [
  {
    name: "an iteration is not ended",
    section: KPROBE,
    bad: `${ITERATE}\nloop:\n${NEXT}\nif r0 != 0 goto loop\n${END}`,
    good: `${ITERATE}\nloop:\n${NEXT}\nif r0 != 0 goto loop\n${DESTROY}\n${END}`,
    category: "reference",
    says: /it ends with an iterator, from instruction \d+, that is not ended/,
  },
  {
    name: "an iteration is ended twice",
    section: KPROBE,
    bad: `${ITERATE}\n${DESTROY}\n${DESTROY}\n${END}`,
    category: "argument",
    says: /takes an iterator that was made before/,
  },
  {
    name: "an iteration goes on that was never begun",
    section: KPROBE,
    bad: `${NEXT}\n${END}`,
    category: "argument",
    says: /an iterator that was made before/,
  },
  {
    name: "a number of an iterator may be none",
    section: KPROBE,
    bad: `${UNKNOWN}\n${ITERATE.replace("r3 = 100", "r3 = r6")}\n${NEXT}\nr6 = *(u32 *)(r0 + 0)\n${DESTROY}\n${END}`,
    category: "null",
    says: /NULL/,
  },
  {
    name: "a number of an iterator is written to",
    section: KPROBE,
    bad: `${ITERATE}\nloop:\n${NEXT}\nif r0 == 0 goto done\n*(u32 *)(r0 + 0) = 0\ngoto loop\ndone:\n${DESTROY}\n${END}`,
    category: "read-only",
    says: /a number of an iterator/,
  },
  {
    name: "a number of an iterator is used after its end",
    section: KPROBE,
    bad: `r6 = r10\n${ITERATE}\n${NEXT}\nif r0 == 0 goto done\nr6 = r0\ndone:\n${DESTROY}\nr1 = *(u32 *)(r6 - 4)\n${END}`,
    category: "released",
    says: /an iterator \(r6\) that was given back before/,
  },
  {
    name: "a number of an iterator is an index that nobody has compared",
    section: KPROBE,
    bad: `${ITERATE}\nloop:\n${NEXT}\nif r0 == 0 goto done\nr1 = *(u32 *)(r0 + 0)\nr2 = &.bss\nr2 += r1\n*(u8 *)(r2 + 0) = 1\ngoto loop\ndone:\n${DESTROY}\n${END}`,
    good: `${ITERATE}\nloop:\n${NEXT}\nif r0 == 0 goto done\nr1 = *(u32 *)(r0 + 0)\nif r1 > 63 goto loop\nr2 = &.bss\nr2 += r1\n*(u8 *)(r2 + 0) = 1\ngoto loop\ndone:\n${DESTROY}\n${END}`,
    category: "bounds",
    says: /the variables in \.bss/,
  },
  {
    name: "an index that grows in each turn of an iterator",
    section: KPROBE,
    bad: `r6 = 0\n${ITERATE}\nloop:\n${NEXT}\nif r0 == 0 goto done\nr2 = &.bss\nr2 += r6\n*(u8 *)(r2 + 0) = 1\nr6 += 1\ngoto loop\ndone:\n${DESTROY}\n${END}`,
    category: "bounds",
    says: /the variables in \.bss/,
  },
  {
    name: "an iterator is written over",
    section: KPROBE,
    bad: `${ITERATE}\n*(u64 *)(r10 - 8) = 0\n${DESTROY}\n${END}`,
    category: "argument",
    says: /an iterator/,
  },
  {
    name: "an iterator is read as if it were memory",
    section: KPROBE,
    bad: `${ITERATE}\nr1 = *(u32 *)(r10 - 8)\n${DESTROY}\n${END}`,
    category: "object",
    says: /an iterator on the stack/,
  },
];

const loop = (turns: string): string => `r1 = ${turns}\nr2 = function(body) ll\nr3 = r10\nr3 += -8\nr4 = 0\ncall loop`;

const CALLBACKS: readonly BadProgram[] = [
  {
    name: "a function that bpf_loop calls returns 2",
    section: KPROBE,
    bad: `*(u64 *)(r10 - 8) = 0\n${loop("4")}\n${END}\nbody:\nr0 = 2\nexit`,
    good: `*(u64 *)(r10 - 8) = 0\n${loop("4")}\n${END}\nbody:\nr0 = 1\nexit`,
    category: "result",
    says: /it returns 2, where a function that bpf_loop\(\) calls returns 0 to 1/,
  },
  {
    name: "a function that bpf_loop calls goes too far in its last turns",
    section: KPROBE,
    bad: `*(u64 *)(r10 - 8) = 0\n${loop("65")}\n${END}\nbody:\nr3 = &.bss\nr3 += r1\n*(u8 *)(r3 + 0) = 1\nr0 = 0\nexit`,
    good: `*(u64 *)(r10 - 8) = 0\n${loop("64")}\n${END}\nbody:\nr3 = &.bss\nr3 += r1\n*(u8 *)(r3 + 0) = 1\nr0 = 0\nexit`,
    category: "bounds",
    says: /an offset from 0 to 64 of the variables in \.bss/,
  },
  {
    name: "an index that a function counts in its caller's frame",
    section: KPROBE,
    bad: `*(u64 *)(r10 - 8) = 0\n${loop("65")}\n${END}\nbody:\nr3 = *(u64 *)(r2 + 0)\nr4 = &.bss\nr4 += r3\n*(u8 *)(r4 + 0) = 1\nr3 += 1\n*(u64 *)(r2 + 0) = r3\nr0 = 0\nexit`,
    good: `*(u64 *)(r10 - 8) = 0\n${loop("64")}\n${END}\nbody:\nr3 = *(u64 *)(r2 + 0)\nr4 = &.bss\nr4 += r3\n*(u8 *)(r4 + 0) = 1\nr3 += 1\n*(u64 *)(r2 + 0) = r3\nr0 = 0\nexit`,
    category: "bounds",
    says: /the variables in \.bss/,
  },
  {
    name: "a function that bpf_loop calls keeps a record",
    section: KPROBE,
    bad: `*(u64 *)(r10 - 8) = 0\n${loop("4")}\n${END}\nbody:\nr1 = &ring\nr2 = 8\nr3 = 0\ncall ringbuf_reserve\nr0 = 0\nexit`,
    category: "reference",
    says: /a function that a helper calls ends with a record/,
  },
  {
    name: "a function that bpf_loop calls gives its caller's record back",
    section: KPROBE,
    bad: `r1 = &ring\nr2 = 8\nr3 = 0\ncall ringbuf_reserve\n${CHECKED}\n*(u64 *)(r10 - 8) = r0\n${loop("4")}\n${OUT}\nbody:\nr1 = *(u64 *)(r2 + 0)\nr2 = 0\ncall ringbuf_submit\nr0 = 0\nexit`,
    category: "reference",
    says: /neither submitted nor discarded/,
  },
  {
    name: "part of a drained record is kept for behind the drain",
    section: KPROBE,
    bad: `*(u64 *)(r10 - 16) = 0\n${DRAIN}\nr1 = *(u64 *)(r10 - 16)\nif r1 == 0 goto out\nr2 = *(u8 *)(r1 + 0)\n${OUT}\nbody:\nr6 = r2\n${PART}\nif r0 == 0 goto none\n*(u64 *)(r6 + 0) = r0\nnone:\n${END}`,
    good: `${DRAIN}\n${END}\nbody:\n${PART}\n${CHECKED}\nr1 = *(u8 *)(r0 + 0)\n${OUT}`,
    category: "released",
    says: /that was given back before/,
  },
  {
    name: "a drained record is copied to a dynptr for behind the drain",
    section: KPROBE,
    bad: `r1 = &.bss\nr2 = 8\nr3 = 0\nr4 = r10\nr4 += -16\ncall dynptr_from_mem\n${DRAIN}\nr1 = r10\nr1 += -16\n${PART}\n${END}\nbody:\ncall bpf_dynptr_clone\n${END}`,
    good: `${DRAIN}\n${END}\nbody:\nr2 = r10\nr2 += -16\ncall bpf_dynptr_clone\nr1 = r10\nr1 += -16\n${PART}\n${END}`,
    category: "argument",
    says: /takes a dynptr that was made before as argument 1/,
  },
  {
    name: "a drained record's dynptr is written over",
    section: KPROBE,
    bad: `${DRAIN}\n${END}\nbody:\nr3 = 0\n*(u64 *)(r1 + 0) = r3\nr0 = 0\nexit`,
    category: "type",
    says: /a dynptr.*is no memory of the program's/,
  },
  {
    name: "a drained record is submitted",
    section: KPROBE,
    bad: `${DRAIN}\n${END}\nbody:\nr2 = 0\ncall ringbuf_submit_dynptr\nr0 = 0\nexit`,
    category: "argument",
    says: /takes a dynptr on the stack/,
  },
  {
    name: "a function that drains returns what is no answer",
    section: KPROBE,
    bad: `${DRAIN}\n${END}\nbody:\nr0 = 2\nexit`,
    good: `${DRAIN}\n${END}\nbody:\nr0 = 1\nexit`,
    category: "result",
    says: /returns 2, where a function that bpf_user_ringbuf_drain\(\) calls returns 0 to 1/,
  },
  {
    name: "what bpf_loop is to call is no function",
    section: KPROBE,
    bad: `r1 = 4\nr2 = 7\nr3 = 0\nr4 = 0\ncall loop\n${END}`,
    category: "argument",
    says: /takes a function of the program as argument 2/,
  },
  {
    name: "a key is written to while a map's elements are gone through",
    section: KPROBE,
    bad: `r1 = &array\nr2 = function(body) ll\nr3 = 0\nr4 = 0\ncall for_each_map_elem\n${END}\nbody:\n*(u32 *)(r2 + 0) = 1\nr0 = 0\nexit`,
    good: `r1 = &array\nr2 = function(body) ll\nr3 = 0\nr4 = 0\ncall for_each_map_elem\n${END}\nbody:\nr1 = *(u32 *)(r2 + 0)\n*(u64 *)(r3 + 8) = r1\nr0 = 0\nexit`,
    category: "read-only",
    says: /a key of 4 bytes/,
  },
  {
    name: "a value is left while a map's elements are gone through",
    section: KPROBE,
    bad: `r1 = &array\nr2 = function(body) ll\nr3 = 0\nr4 = 0\ncall for_each_map_elem\n${END}\nbody:\n*(u64 *)(r3 + 16) = 1\nr0 = 0\nexit`,
    category: "bounds",
    says: /a value of map array/,
  },
  {
    name: "a timer's function returns 1",
    section: KPROBE,
    bad: `${lookup("guarded")}\n${CHECKED}\nr1 = r0\nr1 += 48\nr2 = function(fired) ll\ncall timer_set_callback\n${OUT}\nfired:\nr0 = 1\nexit`,
    good: `${lookup("guarded")}\n${CHECKED}\nr1 = r0\nr1 += 48\nr2 = function(fired) ll\ncall timer_set_callback\n${OUT}\nfired:\nr1 = *(u32 *)(r2 + 0)\nr0 = *(u64 *)(r3 + 64)\nr0 = 0\nexit`,
    category: "result",
    says: /a function that bpf_timer_set_callback\(\) calls returns 0 to 0/,
  },
];

const SECTIONS: readonly BadProgram[] = [
  ...[
    ["an RCU read section", "bpf_rcu_read_lock", "bpf_rcu_read_unlock"],
    ["a section without preemption", "bpf_preempt_disable", "bpf_preempt_enable"],
  ].flatMap(([what = "", begin = "", end = ""]): BadProgram[] => [
    {
      name: `${what} is not ended`,
      section: TC,
      bad: `call ${begin}\n${END}`,
      good: `call ${begin}\ncall ${end}\n${END}`,
      category: "reference",
      says: new RegExp(`it ends with ${what}, from instruction 0, that is not ended`),
    },
    {
      name: `${what} is ended that was not begun`,
      section: TC,
      bad: `call ${end}\n${END}`,
      category: "reference",
      says: new RegExp(`${what} was not begun`),
    },
    {
      name: `${what} is ended on one path only`,
      section: KPROBE,
      bad: `${UNKNOWN}\ncall ${begin}\nif r6 > 9 goto out\ncall ${end}\n${OUT}`,
      category: "reference",
      says: /not ended/,
    },
  ]),
  {
    name: "interrupts stay off",
    section: TC,
    bad: `r1 = r10\nr1 += -8\ncall bpf_local_irq_save\n${END}`,
    good: `r1 = r10\nr1 += -8\ncall bpf_local_irq_save\nr1 = r10\nr1 += -8\ncall bpf_local_irq_restore\n${END}`,
    category: "reference",
    says: /interrupts switched off, from instruction \d+, that is not switched on again/,
  },
  {
    name: "the first of two states of interrupts is restored first",
    section: TC,
    bad: `r1 = r10\nr1 += -8\ncall bpf_local_irq_save\nr1 = r10\nr1 += -16\ncall bpf_local_irq_save\nr1 = r10\nr1 += -8\ncall bpf_local_irq_restore\n${END}`,
    category: "reference",
    says: /an earlier state than the last that was saved/,
  },
  {
    name: "a socket is not released",
    section: TC,
    bad: `*(u64 *)(r10 - 8) = 0\nr2 = r10\nr2 += -8\nr3 = 8\nr4 = 0\nr5 = 0\ncall sk_lookup_tcp\n${END}`,
    good: `*(u64 *)(r10 - 8) = 0\nr2 = r10\nr2 += -8\nr3 = 8\nr4 = 0\nr5 = 0\ncall sk_lookup_tcp\n${CHECKED}\nr1 = r0\ncall sk_release\n${OUT}`,
    category: "reference",
    says: /a socket, from instruction \d+, that is not released/,
  },
  {
    name: "a program ends itself with a record",
    section: TC,
    bad: `r1 = &ring\nr2 = 8\nr3 = 0\ncall ringbuf_reserve\nr1 = 0\ncall bpf_throw\n${END}`,
    good: `r1 = 0\ncall bpf_throw\n${END}`,
    category: "reference",
    says: /it ends the program with a record that is neither/,
  },
  {
    name: "a kernel function that is not there",
    section: TC,
    bad: `call bpf_trap\n${END}`,
    category: "unsupported",
    says: /what is asked for here is not there.*: every run would be stopped/,
  },
  {
    name: "a text that may not end",
    section: KPROBE,
    bad: `*(u64 *)(r10 - 8) = 0\nr1 = r10\nr1 += -8\nr2 = 8\nr3 = r10\nr3 += -8\ncall strncmp\n${END}`,
    category: "argument",
    says: /takes a constant text that ends with a NUL as argument 3/,
  },
];

export const SECTIONED: readonly BadProgram[] = [...SLEEPING, ...DYNPTRS, ...ITERATORS, ...CALLBACKS, ...SECTIONS];
