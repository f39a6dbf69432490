/**
 * Which programs may use which maps, by kernel (`check_map_prog_compatibility` of `kernel/bpf/verifier.c`): what the allocator's patch
 * series changed, as data. Before it a program that may run anywhere had to have all of a hash's elements from the start; its
 * patches 5, 12 and 14 took that back, for programs that trace, for those of perf events, and for those that may sleep.
 */
import { CONSTANTS } from "../wasm/face.ts";

export const POLICIES = ["linux-6.0", "linux-6.1"] as const;
export type Policy = (typeof POLICIES)[number];

/** A program as a policy sees it. */
export interface PolicyProgram {
  /** The name of its program type (programs/table.ts). */
  readonly type: string;
  readonly section: string;
}

/** A map as it is created. */
export interface PolicyMap {
  readonly bpfType: number;
  /** Its elements come as they are asked for: BPF_F_NO_PREALLOC. */
  readonly dynamic: boolean;
}

/** `refuse`: the program does not load; `warn`: it does, and the kernel says so. */
export interface PolicyFinding {
  readonly verdict: "refuse" | "warn";
  /** What the kernel of that time says. */
  readonly message: string;
}

interface PolicyRule extends PolicyFinding {
  readonly programs: (program: PolicyProgram) => boolean;
  readonly maps: (map: PolicyMap) => boolean;
  /** Of kernels with PREEMPT_RT only, or without it only; undefined: of both. */
  readonly realTime?: boolean;
}

/** `is_tracing_prog_type`. */
const TRACING = ["kprobe", "tracepoint", "perf_event", "raw_tracepoint"];

/** Numbers of `enum bpf_map_type` that have no row in the registry of kinds, or not yet. */
const MAP = { arrayOfMaps: 12, hashOfMaps: 13, lruHash: 9, lruPercpuHash: 10 } as const;
const STORAGE = { socket: 24, inode: 28, task: 29, cgroup: 32 } as const;
const OTHER = { userRingbuf: 31, arena: 33, progArray: 3 } as const;

/** Kinds that have preallocation to ask about. */
const HASHES: readonly number[] = [CONSTANTS.KIND_HASH, CONSTANTS.KIND_PERCPU_HASH, MAP.hashOfMaps];

/** What programs that may sleep can use. */
const FOR_SLEEPERS: readonly number[] = [
  ...[CONSTANTS.KIND_HASH, CONSTANTS.KIND_PERCPU_HASH, CONSTANTS.KIND_ARRAY, CONSTANTS.KIND_PERCPU_ARRAY],
  ...[CONSTANTS.KIND_RINGBUF, MAP.lruHash, MAP.lruPercpuHash, MAP.arrayOfMaps, MAP.hashOfMaps],
  ...[STORAGE.socket, STORAGE.inode, STORAGE.task],
];
const FOR_SLEEPERS_LATER: readonly number[] = [
  ...FOR_SLEEPERS,
  ...[CONSTANTS.KIND_QUEUE, CONSTANTS.KIND_STACK, STORAGE.cgroup, OTHER.userRingbuf, OTHER.arena, OTHER.progArray],
];

/** Whether a program may sleep: its section's first part ends in `.s`, or user space runs it. */
export function isSleepable({ type, section }: PolicyProgram): boolean {
  return type === "syscall" || /^\??[^/]*\.s(\/|$)/.test(section);
}

const traces = ({ type }: PolicyProgram): boolean => TRACING.includes(type);
const isDynamicHash = ({ bpfType, dynamic }: PolicyMap): boolean => dynamic && HASHES.includes(bpfType);
const OF_SLEEPERS = "Sleepable programs can only use array, hash, ringbuf and local storage maps";

const RULES: Readonly<Record<Policy, readonly PolicyRule[]>> = {
  "linux-6.0": [
    {
      programs: ({ type }) => type === "perf_event",
      maps: isDynamicHash,
      verdict: "refuse",
      message: "perf_event programs can only use preallocated hash map",
    },
    {
      programs: traces,
      maps: isDynamicHash,
      realTime: true,
      verdict: "refuse",
      message: "trace type programs can only use preallocated hash map",
    },
    {
      programs: traces,
      maps: isDynamicHash,
      realTime: false,
      verdict: "warn",
      message: "trace type programs with run-time allocated hash maps are unsafe. Switch to preallocated hash maps.",
    },
    {
      programs: isSleepable,
      maps: isDynamicHash,
      verdict: "refuse",
      message: "Sleepable programs can only use preallocated maps.",
    },
    {
      programs: isSleepable,
      maps: ({ bpfType }) => !FOR_SLEEPERS.includes(bpfType),
      verdict: "refuse",
      message: OF_SLEEPERS,
    },
  ],
  "linux-6.1": [
    {
      programs: isSleepable,
      maps: ({ bpfType }) => !FOR_SLEEPERS_LATER.includes(bpfType),
      verdict: "refuse",
      message: OF_SLEEPERS,
    },
  ],
};

/** What a kernel has against a program's use of a map; undefined: nothing. The first rule that fits counts, as there. */
export function policyFinding(
  policy: Policy,
  realTime: boolean,
  program: PolicyProgram,
  map: PolicyMap,
): PolicyFinding | undefined {
  const rule = RULES[policy].find(
    (each) => (each.realTime ?? realTime) === realTime && each.programs(program) && each.maps(map),
  );
  return rule === undefined ? undefined : { verdict: rule.verdict, message: rule.message };
}
