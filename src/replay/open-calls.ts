/** Calls that a recording has seen entered: what they were given is what they have when they return. */
import type { CallValue } from "../bpf/kernel/call.ts";
import { RecordReader } from "../bpf/kernel/object.ts";
import type { EventFormat } from "../events/event.ts";
import { RECORD } from "../events/record.ts";

/** Calls of a task inside of each other; those beyond are not followed, as where an end was not recorded. */
const MOST_OPEN = 64;
const MOST_TASKS = 1 << 16;

/** By the argument's number. */
export type Given = readonly (bigint | undefined)[];

/** Calls of functions that are entered by records of one kind, or returned from. */
export interface CallEvent {
  readonly name: string;
  readonly isReturn: boolean;
  readonly values: readonly CallValue[];
  readonly reader: RecordReader;
}

export function callEvent(
  name: string,
  isReturn: boolean,
  values: readonly CallValue[],
  format: EventFormat,
): CallEvent {
  return { name, isReturn, values, reader: new RecordReader(format) };
}

export class OpenCalls {
  readonly #byTask = new Map<number, { readonly name: string; readonly given: Given }[]>();

  /** A record of such an event comes. @returns what the call that ends with it was given; undefined: none is known */
  see(view: DataView, record: number, { name, isReturn, values, reader }: CallEvent): Given | undefined {
    const task = view.getUint32(record + RECORD.pidTgid, true);
    const open = this.#byTask.get(task) ?? [];
    if (isReturn) {
      const at = open.findLastIndex((call) => call.name === name);
      const [call] = at < 0 ? [] : open.splice(at);
      return call?.given;
    }
    reader.at(view, record);
    open.push({ name, given: values.map(({ read }) => read?.(reader)) });
    if (open.length > MOST_OPEN) open.shift();
    if (this.#byTask.size >= MOST_TASKS && !this.#byTask.has(task)) this.#byTask.clear();
    this.#byTask.set(task, open);
    return undefined;
  }
}
