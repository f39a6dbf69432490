/** What a program type is: a row of `table.ts`, in a file of its own beside it. */
import type { EventFormat, FunctionEvent } from "../../events/event.ts";
import type { Caller } from "../helpers/callers.ts";
import type { FunctionTypes } from "../kernel/functions.ts";
import type { KernelObject } from "../kernel/object.ts";
import type { PacketStruct } from "./packet-struct.ts";
import type { Readable } from "./readable.ts";
import type { WritableField } from "./writable-field.ts";

/** What a program attaches to: parts of its section's name, under the names that its type gives them. */
export type ProgramTarget = Readonly<Record<string, string>>;

/** What a program runs on. Plain data that survives structured cloning; `type` names the row. */
export interface ProgramKind {
  readonly type: string;
  readonly target: ProgramTarget;
}

/** A program that cannot run here; `reason` is a whole sentence for people. */
export interface UnsupportedKind {
  readonly type: "unsupported";
  readonly reason: string;
}

/** An event of a source's table. `format`: what its payload holds, where the source knows it by fields. */
export interface ProgramEvent {
  readonly name: string;
  readonly category: string;
  readonly format?: EventFormat | undefined;
  /** Of an event of a function: which. */
  readonly function?: FunctionEvent | undefined;
}

export interface ContextField {
  readonly name: string;
  /** Bytes from the context's start. */
  readonly offset: number;
  readonly size: number;
  /** The field of the event that it is made of, where that has another name. */
  readonly recordedIn?: string;
  /** No record has it: it is 0. */
  readonly unrecorded?: true;
}

/** The contexts of one event. `source` holds the event's record at `record`, as `src/events/record.ts` lays it out. */
export interface EventContext {
  /** What is known to lie in every one of them; a context may be longer. */
  readonly fields: readonly ContextField[];
  /** What it is given of a call that was entered before, where its own record does not tell: by field, the argument's number. */
  readonly entered?: ReadonlyMap<ContextField, number>;
  /** What its pointers lead to. */
  readonly objects?: readonly KernelObject[];
  /** Bytes of this record's context. */
  bytes(source: DataView, record: number): number;
  /** Writes this record's context to `at` of `target`. Not there where the record's payload is the context. */
  readonly write?: (source: DataView, record: number, target: DataView, at: number) => void;
}

/** What a direct run is given: whatever its type makes a context of. */
export interface DirectInput {
  /** The context itself. */
  readonly context?: Uint8Array | undefined;
  readonly packet?: Uint8Array | undefined;
  /** Arguments of the function or tracepoint. */
  readonly args?: readonly bigint[] | undefined;
  /** What the function has returned. */
  readonly returned?: bigint | undefined;
  /** `struct pt_regs` of x86-64, or its beginning. */
  readonly registers?: Uint8Array | undefined;
  /** Fields of an event, by their names; the others are 0. */
  readonly fields?: GivenFields | undefined;
}

export type GivenFields = Readonly<Record<string, number | bigint | string | readonly (number | bigint)[]>>;

/** A context that is made where it lies, as it may have addresses in it. */
export interface DirectContext {
  /** Bytes of the context itself. */
  readonly own: number;
  /** The same with all that it leads to. */
  readonly bytes: number;
  /** @param at the address of `target`'s first byte */
  write(target: Uint8Array, at: number): void;
  /** The packet, as it is after a run. */
  readonly packet?: (target: Uint8Array, at: number) => Uint8Array;
}

/** What programs may do with their context, for whatever target. */
export interface ContextAccess<Target extends ProgramTarget = ProgramTarget> {
  /** Bytes that every context has; undefined where they are as many as are given: a run then needs as many as are read. */
  bytes(target: Target): number | undefined;
  /** Fields that may be written to; left out: none. */
  writable?(target: Target): readonly WritableField[];
  /** What a kernel shows to these programs; left out: all. */
  readable?(target: Target): Readable;
}

export interface ProgramContext<Target extends ProgramTarget = ProgramTarget> {
  /** The most bytes that `write` writes, the room to keep for it; 0: the record's payload itself is the context. */
  readonly room: number;
  /**
   * How contexts are made of an event's records.
   * @param functions what is known of functions that programs run on
   * @throws {AnyctxError} UNSUPPORTED where they cannot be
   */
  of(event: ProgramEvent, functions?: FunctionTypes): EventContext;
  /** Left out: what is given decides how long contexts are, and none of them is written to. */
  readonly access?: ContextAccess<Target>;
  /** A made-up context for trying a program out: its numbers are other ones for each `index`. */
  example(target: Target, index: number): Uint8Array;
  /** The context of a direct run. @throws {AnyctxError} EINVAL: it cannot be made of what is given */
  direct(given: DirectInput, target: Target): DirectContext;
}

export interface ProgramType<Target extends ProgramTarget = ProgramTarget> {
  /** Linux's name of it, without `BPF_PROG_TYPE_`. */
  readonly name: string;
  readonly doc: string;
  /** First parts of the section names that mean it, up to the first `/`. */
  readonly prefixes: readonly string[];
  /** How a section is written, for messages: `tracepoint/CATEGORY/EVENT`. */
  readonly section: string;
  /** Reads the parts behind the first one, which is given too; text says what is wrong with the section, as in `section tp names no event`. */
  parse(rest: readonly string[], first: string): Target | string;
  /** What it attaches to, in words. */
  describe(target: Target): string;
  /** Whether it runs on this event of a source. */
  attaches(target: Target, event: ProgramEvent): boolean;
  /** Where its context says where the packet lies that it leads to. */
  readonly packet?: PacketStruct;
  /** Whether the packet may only be read. */
  packetReadOnly?(target: Target): boolean;
  /** Whether pointers in its context lead to typed memory of the kernel's, which is read as it is: 0 where there is none. */
  readonly followsPointers?: true;
  /** Whether its arguments are on their way to be freed: functions of the kernel's do not take them. */
  freesArguments?(target: Target): boolean;
  readonly context: ProgramContext<Target>;
  /** As whom its programs call helpers; undefined: as those of any type. */
  caller(target: Target): Caller | undefined;
  /** What r0 means at the end of a run; `ignored`: nothing follows from it. */
  readonly result: {
    readonly ignored: boolean;
    readonly doc: string;
    /** The least and the most that it may be, where others are refused; undefined: any, or none at all. */
    between?(target: Target): readonly [least: number, most: number] | undefined;
    /** A program stands for a function that may return nothing: then r0 need not be set. */
    readonly mayBeVoid?: true;
  };
}
