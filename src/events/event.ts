/** The events of a source's table: what each is called, and how the payload of its records is laid out. */

export interface EventField {
  readonly name: string;
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

/** An event of the table: records name it by its index. */
export interface SourceEvent {
  readonly index: number;
  readonly name: string;
  readonly category: string;
  readonly format: EventFormat;
  /** Fields that the source does not tell: they are 0 in every record. */
  readonly missing: readonly string[];
}
