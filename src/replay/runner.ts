/**
 * Runs programs on event records, each in the context it was recorded in. One runner serves the CPUs of one thread:
 * all of them in an ordered replay, one in a parallel one.
 */

import type { Arena } from "../arena/arena.ts";
import { FRAME_BYTES, MAX_FRAMES, type ProgramHost, type RunProgram } from "../bpf/host.ts";
import type { FunctionTypes } from "../bpf/kernel/functions.ts";
import { checkEventFields } from "../bpf/object/event-fields.ts";
import type { EventContext } from "../bpf/programs/program-type.ts";
import { PROGRAM_TYPES, programType } from "../bpf/programs/table.ts";
import { AnyctxError } from "../error.ts";
import type { SourceEvent } from "../events/event.ts";
import { contextOf, RECORD, RECORD_FLAGS } from "../events/record.ts";
import { probes } from "../load/kernel-memory.ts";
import { instantiateImage, type ProgramImage } from "../load/load.ts";
import { type Section, sectionOf } from "../load/section.ts";
import { withTails } from "../load/tails.ts";
import { LAYOUT } from "../wasm/face.ts";
import { newCounts, type ProgramCounts, type RunCounts } from "./counts.ts";
import { OwnedValues } from "./ended-owners.ts";
import { type Follower, followerOf } from "./follower.ts";
import { DEFAULT_THREAD_DELAY, type EventMoment, type InterruptRule, interruptSign, readMoment } from "./interrupts.ts";
import { KeptFacts } from "./kept-facts.ts";
import { EventMemory } from "./kernel-memory.ts";
import { type Given, OpenCalls } from "./open-calls.ts";
import { type UnreadRule, UnreadRuns } from "./unread.ts";

/** How a replay is done. */
export interface ReplayRule extends InterruptRule {
  /** What becomes of runs that read what the recording does not tell; `error` if it is not given. */
  readonly unread?: UnreadRule;
}

/** Room for a context that is written, of whatever type the program is. */
const CONTEXT_ROOM = Math.max(...PROGRAM_TYPES.map(({ context }) => context.room));
/** A kernel would not load a program that does not end. Here it costs milliseconds a run, so it gets only so many. */
const MOST_TIMEOUTS = 16;

interface Attachment {
  readonly run: RunProgram;
  readonly section: Section;
  readonly counts: ProgramCounts;
  readonly contexts: EventContext;
  timeouts: number;
  readonly event: SourceEvent;
  /** For records that do not tell everything; made for the first of them. */
  unread: UnreadRuns | undefined;
  readonly makeUnread: () => UnreadRuns;
  /** Whether its contexts have something that no record tells. */
  readonly neverWhole: boolean;
  /** What its pointers lead to, where it gets any. */
  readonly memory: EventMemory | undefined;
}

interface RunnerCpu {
  readonly area: number;
  readonly stackTop: number;
  readonly before: EventMoment;
  /** Time of the event that raised the work now waiting; 0: none waits. RT only. */
  raisedAt: number;
}

/** What says which events a program runs on. */
export type Attachable = Pick<ProgramImage, "name" | "kind">;

/** Whether a program is to run on an event. */
export function attaches({ kind }: Attachable, event: SourceEvent): boolean {
  return programType(kind).attaches(kind.target, event);
}

/** `bpf_get_current_task` and `bpf_get_current_task_btf`. */
const ASK_FOR_TASK: readonly number[] = [35, 158];

export class EventRunner {
  readonly counts: RunCounts;
  readonly #arena: Arena;
  readonly #rule: ReplayRule;
  /** By event index. */
  readonly #attached: Attachment[][] = [];
  readonly #programs: readonly ProgramImage[];
  /** What the functions take that programs of any object run on. */
  readonly #functions: FunctionTypes;
  readonly #events: readonly SourceEvent[];
  readonly #host: ProgramHost;
  readonly #cpus: readonly RunnerCpu[];
  readonly #contextRoom: number;
  readonly #realTime: boolean;
  /** What recorded objects are known by beyond single events, if any program asks. */
  readonly #facts = new KeptFacts();
  #needsFacts = false;
  readonly #calls = new OpenCalls();
  readonly #ownedValues: OwnedValues;
  /** By event index. */
  readonly #followers: Follower[] = [];
  readonly #now: EventMoment = { interruptsOff: false, preempt: 0, pid: 0, time: 0 };
  readonly #view: DataView;
  readonly #areaWords: Uint32Array;

  /**
   * @param programs images of one object, or of several in one arena
   * @param events the source's event table
   * @param host what programs call: the arena's, or one that looks on
   */
  constructor(
    arena: Arena,
    programs: readonly ProgramImage[],
    events: readonly SourceEvent[],
    rule: ReplayRule,
    host: ProgramHost,
  ) {
    this.#arena = arena;
    this.#rule = rule;
    this.#realTime = arena.realTime;
    this.counts = newCounts(arena.cpus, programs);
    this.#contextRoom = arena.allocate(CONTEXT_ROOM);
    this.#programs = programs;
    this.#functions = new Map([...new Set(programs.map(({ functions }) => functions))].flatMap((all) => [...all]));
    this.#events = events;
    this.#host = withTails({ ...host, output: (map, ...record) => this.#output(host, map, ...record) }, programs);
    this.#cpus = Array.from({ length: arena.cpus }, (_, cpu) => ({
      area: arena.core.cpuAreaAddress(cpu) >>> 0,
      stackTop: arena.allocate(FRAME_BYTES * MAX_FRAMES) + FRAME_BYTES * MAX_FRAMES,
      before: { interruptsOff: false, preempt: 0, pid: 0, time: 0 },
      raisedAt: 0,
    }));
    // Where contexts are written: none is in use before and behind runs.
    this.#ownedValues = new OwnedValues(this.#host, programs, this.#contextRoom);
    this.#view = new DataView(arena.memory.buffer);
    this.#areaWords = new Uint32Array(arena.memory.buffer);
    this.#meetNewEvents();
  }

  /** Those that run on an event. */
  #attach(event: SourceEvent): Attachment[] {
    const host = this.#host;
    return this.#programs.flatMap((image, index) => {
      const counts = this.counts.programs[index];
      if (counts === undefined || !attaches(image, event)) return [];
      checkEventFields(image.name, image.eventFields, event.format);
      const contexts = programType(image.kind).context.of(event, image.functions);
      const memory = this.#memoryOf(image, event, contexts);
      const makeUnread = (): UnreadRuns =>
        new UnreadRuns(image, memory === undefined ? host : this.#withMemory(host, memory), event, contexts, memory);
      const run = instantiateImage(image, host);
      const neverWhole = contexts.fields.some(({ unrecorded }) => unrecorded === true);
      const section = sectionOf(this.#arena.core, image.linked);
      return [
        { run, section, counts, contexts, timeouts: 0, event, unread: undefined, makeUnread, neverWhole, memory },
      ];
    });
  }

  /** In a kernel a program's user space would read it. */
  #output({ output }: ProgramHost, map: number, cpu: number, record: Uint8Array): void {
    const { records } = this.counts;
    records[map] = (records[map] ?? 0) + 1;
    output?.(map, cpu, record);
  }

  /** Events of functions come to the source's table while it is read. */
  #meetNewEvents(): void {
    for (let index = this.#attached.length; index < this.#events.length; index++) {
      const event = this.#events[index] as SourceEvent;
      this.#attached.push(this.#attach(event));
      this.#followers.push(followerOf(event, this.#functions));
    }
    this.#needsFacts ||= this.#attached.some((all) => all.some(({ memory }) => memory !== undefined));
  }

  /** The kernel's memory for a program that is given the address of something in it. */
  #memoryOf({ linked, layouts }: ProgramImage, event: SourceEvent, contexts: EventContext): EventMemory | undefined {
    const { objects = [] } = contexts;
    if (objects.length === 0 && !linked.helpers.some((id) => ASK_FOR_TASK.includes(id))) return undefined;
    return new EventMemory(new DataView(this.#arena.memory.buffer), layouts, event.format, objects, this.#facts);
  }

  #withMemory(host: ProgramHost, memory: EventMemory): ProgramHost {
    return { ...host, kernel: memory, core: { ...host.core, ...probes(this.#arena, memory) } };
  }

  /**
   * Replays records that lie in the arena's memory, in order. The thread holds the CPUs they are of.
   * @param address of the first record
   * @param bytes of all of them
   */
  replay(address: number, bytes: number): void {
    const end = address + bytes;
    for (let record = address; record < end; record += this.#view.getUint32(record + RECORD.size, true))
      this.#replayRecord(record);
  }

  /** Gives the runner's memory in the arena back. */
  free(): void {
    this.#arena.core.freeBytes(this.#contextRoom);
    for (const { stackTop } of this.#cpus) this.#arena.core.freeBytes(stackTop - FRAME_BYTES * MAX_FRAMES);
  }

  #replayRecord(record: number): void {
    const view = this.#view;
    const cpu = view.getUint16(record + RECORD.cpu, true);
    const level = view.getUint8(record + RECORD.level);
    const flags = view.getUint8(record + RECORD.flags);
    const slot = this.#cpus[cpu];
    if (slot === undefined)
      throw new AnyctxError("EINVAL", `An event of CPU ${cpu} in an arena of ${this.#cpus.length}`);
    const { core } = this.#arena;
    this.#arena.switchCpu(cpu);
    const now = this.#now;
    readMoment(view, record, now);
    if (this.#areaWords[(slot.area + LAYOUT.CpuArea.work) >> 2] !== 0) this.#letWorkRun(slot);
    Object.assign(slot.before, now);
    core.contextSet(level, (flags & RECORD_FLAGS.irqsOff) !== 0 ? 1 : 0);
    this.counts.replayed++;
    this.counts.byContext[contextOf(level, flags)]++;
    this.counts.byCpu[cpu] = (this.counts.byCpu[cpu] ?? 0) + 1;
    const event = view.getUint16(record + RECORD.event, true);
    if (event >= this.#attached.length) this.#meetNewEvents();
    const { keeper, call, ending } = this.#followers[event] ?? {};
    if (this.#needsFacts) this.#facts.see(view, record, keeper);
    const given = call === undefined ? undefined : this.#calls.see(view, record, call);
    const attached = this.#attached[event];
    if (ending?.when === "before") this.#ownedValues.end(ending, view, record);
    if (attached !== undefined && attached.length > 0) this.#runAll(attached, record, slot, given);
    if (ending?.when === "behind") this.#ownedValues.end(ending, view, record);
    if (this.#realTime && slot.raisedAt === 0 && this.#areaWords[(slot.area + LAYOUT.CpuArea.work) >> 2] !== 0)
      slot.raisedAt = now.time;
  }

  /** Runs what the CPU has raised if interrupts came on since its last event. */
  #letWorkRun(slot: RunnerCpu): void {
    const sign = interruptSign(this.#rule, slot.before, this.#now);
    if (sign === undefined) {
      this.counts.heldBack++;
      return;
    }
    if (this.#realTime) {
      // The thread runs no more in the middle of an interrupt than other work does, and comes later.
      if (this.#now.time - slot.raisedAt < (this.#rule.threadDelay ?? DEFAULT_THREAD_DELAY)) return;
      this.counts.byThread += this.#arena.core.workThreadRuns();
      slot.raisedAt = 0;
      return;
    }
    // Between the two events the CPU was in a task: the last event's context is over.
    this.#arena.core.contextSet(0, 0);
    this.counts.deferred[sign] += this.#arena.core.interruptsCameOn();
  }

  #runAll(attached: readonly Attachment[], record: number, slot: RunnerCpu, given: Given | undefined): void {
    const { core } = this.#arena;
    core.setCurrentTask(record);
    for (const attachment of attached) {
      if (attachment.timeouts >= MOST_TIMEOUTS) {
        attachment.counts.leftOut++;
        continue;
      }
      attachment.section.enter();
      this.#run(attachment, record, slot, given);
      attachment.section.leave();
    }
  }

  #run(attachment: Attachment, record: number, slot: RunnerCpu, given: Given | undefined): void {
    const { run, counts, contexts } = attachment;
    counts.runs++;
    try {
      const context = this.#contextFor(contexts, record);
      const filled = given === undefined ? [] : this.#fill(contexts, context, given);
      const bytes = contexts.bytes(this.#view, record);
      if (this.#mayTouchUnread(attachment, record)) this.#runUnread(attachment, record, context, slot, bytes, filled);
      else run(context, slot.area, slot.stackTop, bytes);
    } catch (error) {
      if (!(error instanceof AnyctxError)) throw error;
      counts.errors++;
      counts.firstError ??= error.message;
      if (error.code === "ETIMEDOUT") attachment.timeouts++;
    }
  }

  /** Whether the program could read what the record does not tell, and that matters. */
  #mayTouchUnread(attachment: Attachment, record: number): boolean {
    const view = this.#view;
    const low = view.getInt32(record + RECORD.unread, true);
    const high = view.getInt32(record + RECORD.unread + 4, true);
    if (attachment.memory === undefined) {
      if (((low | high) === 0 && !attachment.neverWhole) || this.#rule.unread === "zero") return false;
    }
    attachment.unread ??= attachment.makeUnread();
    return attachment.unread.mayTouch((BigInt(high >>> 0) << 32n) | BigInt(low >>> 0));
  }

  /** A run that may read what its record does not tell. */
  #runUnread(
    attachment: Attachment,
    record: number,
    context: number,
    slot: RunnerCpu,
    bytes: number,
    filled: readonly string[],
  ): void {
    const { unread, counts, event } = attachment;
    const touched = new Set(unread?.run(record, context, slot.area, slot.stackTop, bytes));
    for (const field of filled) touched.delete(field);
    if (touched.size === 0 || this.#rule.unread === "zero") return;
    counts.unread++;
    counts.errors++;
    for (const field of touched) {
      const name = `${event.name}.${field}`;
      counts.firstError ??= `it reads ${field} of ${event.category}:${event.name}, which the recording does not tell: it got 0`;
      counts.unreadFields[name] = (counts.unreadFields[name] ?? 0) + 1;
    }
  }

  /** Puts in what a call was given that now returns. @returns which fields that is */
  #fill({ entered }: EventContext, context: number, given: Given): string[] {
    const filled: string[] = [];
    for (const [{ name, offset }, argument] of entered ?? []) {
      const value = given[argument];
      if (value === undefined) continue;
      this.#view.setBigUint64(context + offset, value, true);
      filled.push(name);
    }
    return filled;
  }

  #contextFor({ write }: EventContext, record: number): number {
    if (write === undefined) return record + RECORD.payload;
    write(this.#view, record, this.#view, this.#contextRoom);
    return this.#contextRoom;
  }
}
