/** What a run of a program of a typed object is given, looked at before anything is done with it. */
import { checkOneOf, checkOptions, checkRecord, checkText, refuse } from "../arguments.ts";
import { checkHelperName } from "../bpf/helpers/table.ts";
import type { Answer } from "../bpf/host.ts";
import { LEVELS, type Level } from "../events/record.ts";
import { givenBytes } from "../maps/codec/typed-array.ts";
import type { DirectRun } from "./direct.ts";
import type { DirectTask } from "./moment.ts";

/** r0, or what makes it of the arguments. */
export type HelperAnswer = number | bigint | ((...args: bigint[]) => number | bigint);

/** What helpers answer in place of what they would, by their names. */
export type HelperAnswers = Readonly<Record<string, HelperAnswer>>;

/** The same, as a run takes them. */
export type Answers = ReadonlyMap<string, Answer>;

export interface RunInput {
  readonly packet?: Uint8Array;
  /** Fields of the event that a tracepoint program runs on; the others are 0. */
  readonly fields?: Readonly<Record<string, number | bigint | string | readonly (number | bigint)[]>>;
  /** Arguments of the function or tracepoint. */
  readonly args?: readonly (number | bigint)[];
  /** What the function has returned. */
  readonly returned?: number | bigint;
  /** `struct pt_regs` of x86-64, or its beginning. */
  readonly registers?: Uint8Array;
  /** The context itself, as bytes. */
  readonly raw?: Uint8Array;
  /** Where it runs: "task" by default. */
  readonly context?: Level;
  /** Of the arena's; the thread takes it if nobody has it, and keeps it. */
  readonly cpu?: number;
  /** Nanoseconds, as of `bpf_ktime_get_ns`; as in the run before if not given. */
  readonly time?: number | bigint;
  readonly task?: DirectTask;
  /** The kernel's memory: bytes by address. */
  readonly memory?: ReadonlyMap<bigint, Uint8Array>;
  readonly helpers?: HelperAnswers;
}

const INPUTS: readonly (keyof RunInput)[] = [
  ...(["packet", "fields", "args", "returned", "registers", "raw"] as const),
  ...(["context", "cpu", "time", "task", "memory", "helpers"] as const),
];
const TASK: readonly (keyof DirectTask)[] = ["pid", "tgid", "comm", "uid", "gid"];

/** @throws {AnyctxError} EINVAL */
export function wholeNumber(call: string, name: string, given: unknown): bigint {
  if (typeof given === "bigint") return given;
  return Number.isSafeInteger(given) ? BigInt(given as number) : refuse(call, "a whole number", name, given);
}

/** @throws {AnyctxError} EINVAL: a name that no helper has, or what is no answer */
export function answersOf(call: string, given: HelperAnswers): Answers {
  checkRecord(call, "helpers", given);
  const answer = (name: string, value: HelperAnswer): Answer =>
    typeof value === "function"
      ? (args) => wholeNumber(`the answer of ${name}`, "r0", value(...args))
      : wholeNumber(call, `the answer of ${name}`, value);
  for (const name of Object.keys(given)) checkHelperName(name, "helpers");
  return new Map(Object.entries(given).map(([name, value]) => [name, answer(name, value)]));
}

function memoryOf(call: string, given: unknown): ReadonlyMap<bigint, Uint8Array> {
  if (Object.prototype.toString.call(given) !== "[object Map]")
    refuse(call, "a Map of bytes by address", "memory", given);
  return new Map(
    [...(given as ReadonlyMap<unknown, unknown>)].map(([address, bytes]) =>
      typeof address === "bigint"
        ? [address, givenBytes(call, `memory at 0x${address.toString(16)}`, bytes)]
        : refuse(call, "bigints", "addresses of memory", address),
    ),
  );
}

function argsOf(call: string, given: unknown): readonly bigint[] {
  if (!Array.isArray(given)) refuse(call, "an array", "args", given);
  return given.map((each, index) => wholeNumber(call, `args[${index}]`, each));
}

/** Whatever is given, by what makes of it what a direct run takes. */
const optional = <T, R>(given: T | undefined, make: (given: T) => R): R | undefined =>
  given === undefined ? undefined : make(given);

/**
 * A run as the runner takes it.
 * @param common answers of the object's helpers, where the run has none
 * @throws {AnyctxError} EINVAL: a name that there is not, or a value that is none of what it may be
 */
export function directRun(program: string, input: RunInput, common: Answers): DirectRun {
  const call = `the run of ${program}`;
  checkOptions(call, input, INPUTS);
  const { packet, fields, registers, raw, context, task, memory, helpers, cpu } = input;
  if (context !== undefined) checkOneOf("context", context, LEVELS);
  if (fields !== undefined) checkRecord(call, "fields", fields);
  if (task !== undefined) checkRecord(call, "task", task);
  if (task !== undefined) checkOptions(`the task of ${call}`, task, TASK);
  if (task?.comm !== undefined) checkText(call, "comm of its task", task.comm);
  return {
    ...{ program, level: context, cpu, fields, task },
    packet: optional(packet, (bytes) => givenBytes(call, "packet", bytes)),
    registers: optional(registers, (bytes) => givenBytes(call, "registers", bytes)),
    context: optional(raw, (bytes) => givenBytes(call, "raw", bytes)),
    args: optional(input.args, (args) => argsOf(call, args)),
    returned: optional(input.returned, (value) => wholeNumber(call, "returned", value)),
    time: optional(input.time, (value) => wholeNumber(call, "time", value)),
    memory: optional(memory, (map) => memoryOf(call, map)),
    helpers: helpers === undefined ? common : new Map([...common, ...answersOf(call, helpers)]),
  };
}
