/**
 * The function_graph tracer's lines: a function as it is entered (`vfs_read() {`) and as it returns (`}`), or both at once (`rw_verify_area();`),
 * with how long it took. Source: Linux `Documentation/trace/ftrace.rst`. A line has a time only where it was asked for
 * (`funcgraph-abstime`); otherwise times begin at 0 and go on by what calls took. So is it with the task (`funcgraph-proc`): otherwise lines say where another
 * one comes to run. trace-cmd prints the same behind a head, as `funcgraph_entry` and `funcgraph_exit`.
 */
import { bytesOf, textOf } from "./bytes.ts";
import type { Head, HeadReader } from "./head/head.ts";
import { argumentsIn, type ProbeLine } from "./probes.ts";

/**
 * What a line comes to: calls that are entered, that return, or both, with times in nanoseconds behind that of the head; or an event that
 * came between them, as a line from its name on.
 */
export interface GraphLine {
  readonly calls: readonly { readonly call: ProbeLine; readonly after: number }[];
  readonly event?: Uint8Array;
}

/** What its options put in front of a call: time, time since the beginning, CPU, task, flags. */
const FRONT = String.raw`^\s*(?:(?<seconds>\d+)\.(?<micros>\d{6})\s+\|\s+)?(?:\d+ us \|\s+)?(?<cpu>\d+)\)\s(?:\s*(?<comm>\S.{0,15}?)-(?<pid>\d+)\s+\|\s)?`;
const FLAGS = String.raw`(?:\s*(?<flags>[.dDbBX][^\s|]{3,6})(?: \||(?=\s)))?`;
const TOOK = String.raw`\s*(?:[+!#*@$]?\s*(?<took>\d+(?:\.\d+)?) us)?\s*\|`;
/** `12.345678 |   1)  bash-1234  |  d..1. | + 0.855 us  |    do_it();`; without `funcgraph-duration` there is no bar in front of the call. */
const [WITH_BAR, WITHOUT_BAR] = [TOOK, ""].map(
  (took) => new RegExp(`${FRONT}${FLAGS}${took}(?<indent>\\s+)(?<rest>[^\\s|].*)$`),
) as [RegExp, RegExp];
/** ` 0)   bash-1234    =>  sleep-1235  `: another task comes to run. */
const SWITCH = /^\s*(\d+)\)\s+\S.*-\d+\s+=>\s+(\S.*?)-(\d+)\s*$/;
/** Behind the head of a line of trace-cmd's. */
const DURATION_AND_CALL = /^(?:[+!#*@$]?\s*(\d+(?:\.\d+)?) us)?\s*\|(\s+)(\S.*?)\s*$/;
/** `/* sched_wakeup: ... * /`: an event that is none of a function. */
const EVENT = /^\/\* (\w+(?:: |\(| -> ).*?) ?\*\/\s*$/;
const ENTERED = /^([\w.]+)(?: \[\S+\])?\((.*)\)(;| \{)\s*(?:\/\*\s*(.*?)\s*\*\/)?\s*$/;
const RETURNED = /^\}\s*(?:\/\*\s*(.*?)\s*\*\/)?\s*$/;
/** In the comment of a call that returns: its name and, in one of two ways, its result. */
const NAME = /^([\w.]+)(?![\w.]*=)/;
const RESULT = /(?:^|\s)(?:= |ret=)(\S+)$/;
const MICRO = 1000;

interface Task {
  readonly comm: string;
  readonly pid: number;
}

/** A call that has not returned. */
interface Open {
  readonly name: string;
  /** Blanks in front of it: its return has as many, also where what it called was lost. */
  readonly indent: number;
  /** Nanoseconds. */
  readonly time: number;
}

const UNKNOWN: Task = { comm: "<...>", pid: 0 };

export class GraphReader {
  readonly #head: HeadReader;
  /** By CPU. */
  readonly #tasks = new Map<number, Task>();
  readonly #open = new Map<string, Open[]>();
  /** What calls took so far, where lines have no time. */
  #clock = 0;

  constructor(head: HeadReader) {
    this.#head = head;
  }

  /** Reads the line at `from..to`, and its head into the head reader's. @returns undefined: it is no such line */
  read(line: Uint8Array, from: number, to: number): GraphLine | undefined {
    const text = textOf(line, from, to);
    if (this.#noteSwitch(text)) return undefined;
    const found = (WITH_BAR.exec(text) ?? WITHOUT_BAR.exec(text))?.groups;
    if (found === undefined) return undefined;
    const { seconds, micros = "", cpu = "", comm, pid, flags, took, indent = "", rest = "" } = found;
    const { head } = this.#head;
    if (flags === undefined || !this.#head.readFlagColumn(flags)) Object.assign(head, NO_FLAGS);
    const task = comm === undefined ? (this.#tasks.get(Number(cpu)) ?? UNKNOWN) : { comm, pid: Number(pid) };
    head.cpu = Number(cpu);
    const isTimed = seconds !== undefined;
    setTime(head, isTimed ? Number(seconds) * 1e9 + Number(micros) * MICRO : this.#clock);
    const stack = { key: `${cpu} ${isTimed ? task.pid : ""}`, indent: indent.length, isTimed };
    const event = EVENT.exec(rest)?.[1];
    const come =
      event === undefined ? this.#callsIn(stack, rest, durationOf(took)) : { calls: [], event: bytesOf(`${event}\n`) };
    if (come === undefined) return undefined;
    this.#fill(task);
    return come;
  }

  /** Reads what is behind a head of trace-cmd's, which is in the head reader's. */
  readFields(line: Uint8Array, from: number, to: number): GraphLine | undefined {
    const [, took, indent = "", rest = ""] = DURATION_AND_CALL.exec(textOf(line, from, to)) ?? [];
    const stack = { key: `${this.#head.head.cpu} report`, indent: indent.length, isTimed: true };
    return this.#callsIn(stack, rest, durationOf(took));
  }

  #noteSwitch(text: string): boolean {
    const [, cpu, comm = "", pid] = SWITCH.exec(text) ?? [];
    if (cpu === undefined) return false;
    this.#tasks.set(Number(cpu), { comm, pid: Number(pid) });
    return true;
  }

  #fill({ comm, pid }: Task): void {
    const { head } = this.#head;
    head.commFrom = 0;
    head.commTo = comm.length;
    head.pid = pid;
    head.tgid = 0;
    this.#head.fill(bytesOf(comm));
  }

  /** @param duration nanoseconds, 0: the line has none */
  #callsIn({ key, indent, isTimed }: Stack, rest: string, duration: number): GraphLine | undefined {
    const open = this.#open.get(key) ?? [];
    this.#open.set(key, open);
    const entered = ENTERED.exec(rest);
    const comment = entered === null ? RETURNED.exec(rest) : null;
    if (entered === null && comment === null) return undefined;
    // What is further in has returned, and nobody saw it.
    while ((open.at(-1)?.indent ?? -1) > indent) open.pop();
    const before = open.at(-1)?.indent === indent ? open.pop() : undefined;
    if (entered !== null) {
      const [, name = "", args = "", end, told = ""] = entered;
      const call = { function: { name, offset: 0, at: "entry" as const }, arguments: argumentsIn(args) };
      if (end !== ";") {
        open.push({ name, indent, time: this.#clock });
        return { calls: [{ call, after: 0 }] };
      }
      this.#clock += duration;
      return {
        calls: [
          { call, after: 0 },
          { call: returned(name, told), after: duration },
        ],
      };
    }
    const name = NAME.exec(comment?.[1] ?? "")?.[1] ?? before?.name;
    if (name === undefined) return undefined;
    this.#clock = Math.max(this.#clock, (before?.time ?? this.#clock) + duration);
    if (!isTimed) setTime(this.#head.head, this.#clock);
    return { calls: [{ call: returned(name, comment?.[1] ?? ""), after: 0 }] };
  }
}

/** Whose calls they are, how far in, and whether lines have their times. */
interface Stack {
  readonly key: string;
  readonly indent: number;
  readonly isTimed: boolean;
}

/** Nanoseconds. */
const durationOf = (took: string | undefined): number => (took === undefined ? 0 : Math.round(Number(took) * MICRO));

function returned(name: string, comment: string): ProbeLine {
  const result = RESULT.exec(comment)?.[1];
  const args = result === undefined ? [] : [{ name: "ret", text: result }];
  return { function: { name, offset: 0, at: "return" }, arguments: args };
}

const NO_FLAGS = { common: 0, level: 0, preempt: 0, migrate: 0 } as const;

export function setTime(head: Head, nanoseconds: number): void {
  head.seconds = Math.floor(nanoseconds / 1e9);
  head.nanoseconds = nanoseconds % 1e9;
}
