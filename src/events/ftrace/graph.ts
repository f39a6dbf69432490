/**
 * The function_graph tracer's lines: a function as it is entered (`vfs_read() {`) and as it returns (`}`), or both at once (`rw_verify_area();`),
 * with how long it took. Source: Linux `Documentation/trace/ftrace.rst`. A line has a time only where it was asked for
 * (`funcgraph-abstime`); otherwise times begin at 0 and go on by what calls took. So is it with the task (`funcgraph-proc`): otherwise lines say where another
 * one comes to run. trace-cmd prints the same behind a head, as `funcgraph_entry` and `funcgraph_exit`.
 */
import { bytesOf, textOf } from "./bytes.ts";
import type { Head, HeadReader } from "./head.ts";
import { argumentsIn, type ProbeLine } from "./probes.ts";

/** What a line comes to: calls that are entered, that return, or both; times in nanoseconds behind that of the head. */
export interface GraphLine {
  readonly calls: readonly { readonly call: ProbeLine; readonly after: number }[];
}

/** `12.345678 |   1)  bash-1234  |  d..1.  + 0.855 us  |    do_it();`: time, CPU, task, flags, how long, and the call. */
const LINE =
  /^\s*(?:(\d+)\.(\d{6})\s+\|\s+)?(\d+)\)\s+(?:(\S.{0,15}?)-(\d+)\s+\|\s+)?(?:([.dDbBX][^\s|]{3,6})\s+)?(?:[+!#*@$]?\s*(\d+(?:\.\d+)?) us)?\s*\|\s+(\S.*)$/;
/** ` 0)   bash-1234    =>  sleep-1235  `: another task comes to run. */
const SWITCH = /^\s*(\d+)\)\s+\S.*-\d+\s+=>\s+(\S.*?)-(\d+)\s*$/;
/** Behind the head of a line of trace-cmd's. */
const DURATION_AND_CALL = /^(?:[+!#*@$]?\s*(\d+(?:\.\d+)?) us)?\s*\|\s+(\S.*?)\s*$/;
const ENTERED = /^([A-Za-z_][\w.]*)(?: \[\S+\])?\((.*)\)(;| \{)\s*(?:\/\*\s*(.*?)\s*\*\/)?\s*$/;
const RETURNED = /^\}\s*(?:\/\*\s*(.*?)\s*\*\/)?\s*$/;
/** In the comment of a call that returns: its name and, in one of two ways, its result. */
const NAME = /^([A-Za-z_][\w.]*)(?![\w.]*=)/;
const RESULT = /(?:^|\s)(?:= |ret=)(\S+)$/;
const MICRO = 1000;

interface Task {
  readonly comm: string;
  readonly pid: number;
}

/** A call that has not returned. */
interface Open {
  readonly name: string;
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
    const [, seconds, micros = "", cpu = "", comm, pid, flags, took, rest = ""] = LINE.exec(text) ?? [];
    if (cpu === "") {
      this.#noteSwitch(text);
      return undefined;
    }
    const { head } = this.#head;
    if (flags === undefined || !this.#head.readFlagColumn(flags)) Object.assign(head, NO_FLAGS);
    const task = comm === undefined ? (this.#tasks.get(Number(cpu)) ?? UNKNOWN) : { comm, pid: Number(pid) };
    const duration = took === undefined ? 0 : Math.round(Number(took) * MICRO);
    head.cpu = Number(cpu);
    const isTimed = seconds !== undefined;
    if (isTimed) setTime(head, Number(seconds) * 1e9 + Number(micros) * MICRO);
    const found = this.#callsIn(`${cpu} ${isTimed ? task.pid : ""}`, rest, duration, isTimed);
    if (found === undefined) return undefined;
    this.#fill(task);
    return found;
  }

  /** Reads what is behind a head of trace-cmd's, which is in the head reader's. */
  readFields(line: Uint8Array, from: number, to: number): GraphLine | undefined {
    const [, took, rest = ""] = DURATION_AND_CALL.exec(textOf(line, from, to)) ?? [];
    const duration = took === undefined ? 0 : Math.round(Number(took) * MICRO);
    return this.#callsIn(`${this.#head.head.cpu} report`, rest, duration, true);
  }

  #noteSwitch(text: string): void {
    const [, cpu, comm = "", pid] = SWITCH.exec(text) ?? [];
    if (cpu !== undefined) this.#tasks.set(Number(cpu), { comm, pid: Number(pid) });
  }

  #fill({ comm, pid }: Task): void {
    const { head } = this.#head;
    head.commFrom = 0;
    head.commTo = comm.length;
    head.pid = pid;
    head.tgid = 0;
    this.#head.fill(bytesOf(comm));
  }

  /** @param stack whose calls they are @param duration nanoseconds, 0: the line has none */
  #callsIn(stack: string, rest: string, duration: number, isTimed: boolean): GraphLine | undefined {
    const open = this.#open.get(stack) ?? [];
    this.#open.set(stack, open);
    const entered = ENTERED.exec(rest);
    if (entered !== null) {
      const [, name = "", args = "", end, comment = ""] = entered;
      const call = { function: { name, offset: 0, at: "entry" as const }, arguments: argumentsIn(args) };
      if (!isTimed) setTime(this.#head.head, this.#clock);
      if (end !== ";") {
        open.push({ name, time: this.#clock });
        return { calls: [{ call, after: 0 }] };
      }
      this.#clock += duration;
      return {
        calls: [
          { call, after: 0 },
          { call: returned(name, comment), after: duration },
        ],
      };
    }
    const comment = RETURNED.exec(rest);
    if (comment === null) return undefined;
    const last = open.pop();
    const name = NAME.exec(comment[1] ?? "")?.[1] ?? last?.name;
    if (name === undefined) return undefined;
    this.#clock = Math.max(this.#clock, (last?.time ?? this.#clock) + duration);
    if (!isTimed) setTime(this.#head.head, this.#clock);
    return { calls: [{ call: returned(name, comment[1] ?? ""), after: 0 }] };
  }
}

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
