/**
 * What a program needs of the place it runs in, which is an arena as a rule; the interpreter and the JIT know nothing else
 * of the core. Addresses are offsets into the one linear memory and fit 32 bits; a program holds them in 64-bit
 * registers with the upper half zero.
 */
import type { MapKind } from "../maps/kinds.ts";
import type { SharedMemory } from "../wasm/types.ts";

/** A function of the core's instance on this thread. i64 parameters and results are bigint when called from JavaScript. */
export type CoreFunction = (...args: (number | bigint)[]) => number | bigint;

export interface ProgramHost {
  readonly memory: SharedMemory;
  /** The core's exported functions by name; the JIT imports them, the interpreter calls them. */
  readonly core: Readonly<Record<string, CoreFunction>>;
  /**
   * Offsets in a CPU's area, all u32 fields: `id` the CPU's number, `task` the address of the event record
   * (`src/events/record.ts`) that the current program runs on.
   */
  readonly layout: { readonly id: number; readonly task: number; readonly random: number };
  /** The kernel's own memory, as far as there is any. */
  readonly kernel?: KernelMemory;
  /**
   * Receives records of `bpf_perf_event_output`, by the map's address and the CPU, but for those that found no room with who has opened
   * them (core/maps/ring/perf-buffer.ts). Left out: where nobody has, it is -ENOENT.
   */
  readonly output?: (map: number, cpu: number, record: Uint8Array) => void;
  /** Answers of helpers that ask for what no event says, or that are to be answered otherwise, by name. */
  readonly answers?: Answers;
  /** The programs in a map of programs, by the map's address and the index; they run on this host. */
  readonly tail?: (map: number, index: number) => RunProgram | undefined;
  /** Address of the allocator that objects of programs come from, made when it is first asked for. */
  readonly objects?: () => number;
  /** The same of objects that have a copy for each CPU, and how many there are. */
  readonly copies?: () => { readonly allocator: number; readonly cpus: number };
  /** Timers of programs, where time passes. */
  readonly timers?: ProgramTimers;
  /** Receives one formatted line per `bpf_trace_printk` call. */
  readonly print: (line: string) => void;
}

/** What a helper answers: r0, or what makes it of the arguments. */
export type Answer = bigint | ((args: readonly bigint[]) => bigint);
export type Answers = Pick<ReadonlyMap<string, Answer>, "get">;

/** A helper's answer, if the host has one: r0. */
export function hostAnswer(
  { answers }: ProgramHost,
  helper: string,
  args: readonly (number | bigint)[],
): bigint | undefined {
  const answer = answers?.get(helper);
  return typeof answer === "function" ? answer(args.map(BigInt)) : answer;
}

/** Memory that lies outside of the arena: programs read it, and never write to it. */
export interface KernelMemory {
  /** Bytes from an address on, a copy; undefined where there is not all of them. */
  read(address: bigint, bytes: number): Uint8Array | undefined;
  /** Bytes of a text with its NUL, or as much of it as there is, at most so many; undefined where nothing is. */
  readText(address: bigint, most: number): Uint8Array | undefined;
}

/** Timers and workqueues of programs, by the address of each in a value of a map. The work of the latter is a task's. */
export interface ProgramTimers {
  /** False: there is one already. */
  init(timer: number, map: number, level: "softirq" | "task"): boolean;
  /** False: it is not initialised. */
  setCallback(timer: number, program: string, slot: bigint): boolean;
  /** @param at nanoseconds, of the event's time. False: it is not initialised, or has no callback */
  start(timer: number, at: bigint): boolean;
  /** Whether it was started: it has no callback then. `firing`: its callback asks; undefined: it is not initialised. */
  cancel(timer: number): boolean | "firing" | undefined;
}

/** A map as a program sees it. `address` (of the descriptor) is what a map register holds. */
export interface MapBinding {
  readonly name: string;
  readonly kind: MapKind;
  readonly address: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  /** Bytes per value as it lies in memory (value size rounded up to 8). */
  readonly valueStride: number;
  /** Of a map of maps: what its inner maps are like; their addresses lookups give, and here it is 0. */
  readonly inner?: MapBinding;
  /** Of an arena map: the pointer to its first page, and whether pointers are kept as addresses (BPF_F_NO_USER_CONV). */
  readonly pages?: { readonly first: bigint; readonly asAddresses: boolean };
  /** Address of value 0 of an array map (global data sections are arrays of one entry); 0 for other kinds. */
  readonly firstValue: number;
}

/** Bytes below which no object lies: dereferencing null or a small number never reaches anything. */
export const NULL_GUARD_BYTES = 65536;

/** Stack bytes of one frame and the deepest chain of bpf-to-bpf calls, as in Linux. */
export const FRAME_BYTES = 512;
export const MAX_FRAMES = 8;

/**
 * Runs a program once.
 * @param context address of the program's context (r1)
 * @param cpu address of the current CPU's area
 * @param stackTop address just above MAX_FRAMES * FRAME_BYTES bytes that are this run's stack
 * @param contextBytes of the context, for the interpreter's checks; if not given, those of the current record's payload
 * where that is the context, and otherwise none
 * @param tails tail calls that were made before; none if not given
 * @returns r0
 * @throws {AnyctxError} EFAULT for an access outside what the program may touch (the interpreter knows exactly, the JIT
 * where it can), ETIMEDOUT for an endless loop
 */
export type RunProgram = (
  context: number,
  cpu: number,
  stackTop: number,
  contextBytes?: number,
  tails?: TailCount,
) => bigint;

/** Tail calls of a whole run, with those of its functions and of the programs that it goes on in: they share one bound. */
export interface TailCount {
  made: number;
}
