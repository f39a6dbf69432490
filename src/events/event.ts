/** The events of a source's table: what each is called, and how the payload of its records is laid out. */

export interface EventField {
  readonly name: string;
  /** The declared type, without the array's brackets: `unsigned long`, `bool`; of texts behind the struct `char`. */
  readonly type: string;
  /**
   * `number`: one or more integers; `chars`: text in place, NUL padded; `dataLoc`, `relLoc`: u32 that says where
   * behind the struct the text lies (relative to the struct, or to the field's end); `other`: anything else.
   */
  readonly kind: "number" | "chars" | "dataLoc" | "relLoc" | "other";
  /** Bytes from the start of the struct. */
  readonly offset: number;
  /** Bytes in all. */
  readonly size: number;
  /** Integers in an array; 1 where there is no array. */
  readonly count: number;
  readonly signed: boolean;
}

/** How an event's payload is laid out. */
export interface EventFormat {
  /** What the event belongs to: a tracepoint's folder in tracefs' `events`, such as `kmem`. */
  readonly category: string;
  readonly name: string;
  /** The event's number where it was recorded (a tracepoint's `common_type`); 0 where events have none. */
  readonly id: number;
  /** Empty for an event whose payload is bytes without a struct. */
  readonly fields: readonly EventField[];
  /** Bytes of the struct without what is appended for `dataLoc` fields. */
  readonly size: number;
}

/** A function that is entered, or has returned. */
export interface FunctionEvent {
  readonly name: string;
  /** Bytes from its beginning; 0 of one that has returned. */
  readonly offset: number;
  readonly at: "entry" | "return";
}

/** An event of the table: records name it by its index. */
export interface SourceEvent {
  readonly index: number;
  readonly name: string;
  readonly category: string;
  readonly format: EventFormat;
  /** Fields that no record tells, as the source's form has no place for them: they are 0 in every record. */
  readonly unprinted: readonly string[];
  /** Of an event of a function: which. Its fields are what was recorded of the function's arguments, or of its result. */
  readonly function?: FunctionEvent;
  /** Fields that are there in a form from which nothing, or not everything, follows: they are 0 in every record. */
  readonly unreadable: readonly string[];
}

/** Fields of an event that a record's `unread` tells apart; those behind share the last bit. */
const TOLD_APART = 64;

/** The fields that are the event's own, and not of every tracepoint. */
export function ownFields(fields: readonly EventField[]): readonly EventField[] {
  return fields.filter(({ name }) => !name.startsWith("common_"));
}

/** A field's bit in the `unread` of its event's records: its place among the event's own fields. */
export function fieldBit(fields: readonly EventField[], field: EventField): number {
  return Math.min(Math.max(0, ownFields(fields).indexOf(field)), TOLD_APART - 1);
}

/** The fields that a record's `unread` says are not told. */
export function unreadFields(fields: readonly EventField[], unread: bigint): readonly EventField[] {
  return ownFields(fields).filter((_, index) => ((unread >> BigInt(Math.min(index, TOLD_APART - 1))) & 1n) === 1n);
}
