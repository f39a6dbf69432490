/** Calls that Linux refuses by rules of its helpers: which maps they take, what functions are given and return, how much stack there is. */
import { type BadProgram, END, KPROBE, lookup, TC } from "./pieces.ts";

/** Helpers that take a map of a kind, with how they are called, a map that is none, and one that is. */
const OF_KINDS: readonly (readonly [helper: string, section: string, call: string, wrong: string, right?: string])[] = [
  ["perf_event_read", KPROBE, "r1 = {map}\nr2 = 0\ncall perf_event_read", "array", "events"],
  ["get_stackid", KPROBE, "r2 = {map}\nr3 = 0\ncall get_stackid", "counts"],
  ["current_task_under_cgroup", KPROBE, "r1 = {map}\nr2 = 0\ncall current_task_under_cgroup", "events"],
  ["tail_call", KPROBE, "r2 = {map}\nr3 = 0\ncall tail_call", "events", "programs"],
  [
    "perf_event_output",
    KPROBE,
    "*(u64 *)(r10 - 8) = 0\nr2 = {map}\nr3 = 0\nr4 = r10\nr4 += -8\nr5 = 8\ncall perf_event_output",
    "ring",
    "events",
  ],
  [
    "ringbuf_reserve_dynptr",
    KPROBE,
    "r1 = {map}\nr2 = 8\nr3 = 0\nr4 = r10\nr4 += -16\ncall ringbuf_reserve_dynptr\nr1 = r10\nr1 += -16\nr2 = 0\ncall ringbuf_discard_dynptr",
    "commands",
    "ring",
  ],
  [
    "for_each_map_elem",
    TC,
    `r1 = {map}\nr2 = function(body) ll\nr3 = 0\nr4 = 0\ncall for_each_map_elem\n${END}\nbody:\nr0 = 0`,
    "trie",
    "counts",
  ],
];

const KINDS: readonly BadProgram[] = OF_KINDS.map(
  ([helper, section, call, wrong, right]): BadProgram => ({
    name: `${helper} of another kind of map`,
    section,
    bad: `${call.replace("{map}", `&${wrong}`)}\n${END}`,
    ...(right !== undefined && { good: `${call.replace("{map}", `&${right}`)}\n${END}` }),
    category: "argument",
    says: new RegExp(`bpf_${helper}\\(\\) cannot be called for map ${wrong}, which is of kind`),
  }),
);

const loop = (context: string, body: string): string =>
  `r6 = r1\n*(u64 *)(r10 - 8) = 0\nr1 = 4\nr2 = function(body) ll\n${context}\nr4 = 0\ncall loop\n${END}\nbody:\n${body}\nexit`;
const ON_STACK = "r3 = r10\nr3 += -8";

const FUNCTIONS: readonly BadProgram[] = [
  {
    name: "the context is given to a function that a helper calls",
    section: TC,
    bad: loop("r3 = r6", "r0 = 0"),
    good: loop(ON_STACK, "r0 = 0"),
    category: "argument",
    says: /bpf_loop\(\) takes a pointer to the stack, or 0, as argument 3 and is given a pointer to the context/,
  },
  {
    name: "a variable is given to a function that a helper calls",
    section: TC,
    bad: loop("r3 = &.bss", "r0 = 0"),
    good: loop("r3 = 0", "r0 = 0"),
    category: "argument",
    says: /takes a pointer to the stack, or 0,/,
  },
  {
    name: "a function that a helper calls returns 0 in its lower half alone",
    section: TC,
    bad: loop(ON_STACK, "r0 = 0x100000000 ll"),
    good: loop(ON_STACK, "r0 = 1"),
    category: "result",
    says: /it returns 4294967296, where a function that bpf_loop\(\) calls returns 0 to 1/,
  },
  {
    name: "a program returns 1 in its lower half alone",
    section: "cgroup_skb/ingress",
    bad: "r0 = 0x100000001 ll\nexit",
    good: "r0 = 1\nexit",
    category: "result",
    says: /it returns 4294967297, where a program of type cgroup_skb returns 0 to 1/,
  },
];

/** Uses so many bytes of its frame, then calls a function with a tail call. */
const tail = (bytes: number): string =>
  `*(u64 *)(r10 - ${bytes}) = 0\ncall sub\n${END}\nsub:\nr2 = &programs\nr3 = 0\ncall tail_call\n${END}`;
/** Uses 400 bytes, and has a timer call a function that uses 400 and calls another. */
const timer = (bytes: number): string => `*(u64 *)(r10 - 400) = 0
${lookup("guarded")}
if r0 == 0 goto out
r1 = r0
r1 += 48
r2 = function(fires) ll
call timer_set_callback
out:
${END}
fires:
*(u64 *)(r10 - 400) = 0
call deeper
${END}
deeper:
*(u64 *)(r10 - ${bytes}) = 0
${END}`;

const STACKS: readonly BadProgram[] = [
  {
    name: "a tail call with 256 bytes of the stack in use",
    section: TC,
    bad: tail(256),
    good: tail(240),
    category: "limit",
    says: /a function with a tail call is called with 256 bytes of the stack in use/,
  },
  {
    name: "a tail call in a program that traces, which has no stack of its own then",
    section: KPROBE,
    bad: tail(400),
    category: "limit",
    says: /called with 400 bytes/,
  },
  {
    name: "more stack than there is below what a timer calls",
    section: TC,
    bad: timer(128),
    good: timer(112),
    category: "limit",
    says: /its functions use 528 bytes of the stack together/,
  },
];

export const CALLS: readonly BadProgram[] = [...KINDS, ...FUNCTIONS, ...STACKS];
