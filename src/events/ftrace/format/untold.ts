/** What of an event the items of its printed line do not tell. */
import { type EventField, ownFields } from "../../event.ts";
import type { FtraceFormat } from "../../tracepoints/format.ts";
import { callNumberOf } from "../../tracepoints/kernel-formats.ts";
import { bitsOf } from "./print.ts";
import type { PrintItem } from "./print-item.ts";

/** The field of a system call's number, which is filled from the event's name. */
export const CALL_NUMBER = "__syscall_nr";

/** What of an event its printed line does not tell. */
export interface Untold {
  /** Printed in no line. */
  readonly unprinted: readonly string[];
  /** Printed, but so that nothing or not everything follows from it. */
  readonly unreadable: readonly string[];
}

/** Bits of its field, or of the array's element, that an item tells. */
function coveredBy(item: Exclude<PrintItem, { kind: "literal" | "ignored" }>): bigint {
  const all = bitsOf(item.field);
  if (item.kind === "bytes") return item.whole ? all : 0n;
  if (item.kind === "number") return item.covers;
  if (item.kind !== "words") return all;
  return item.sets.reduce((sum, { covers }) => sum | covers, 0n) & all;
}

/** A task's state and a request's priority: they have no bits above those that are printed. */
const NO_BITS_ABOVE = /^(?:prev_state|ioprio)$/;

export function untoldOf(format: FtraceFormat, items: readonly PrintItem[]): Untold {
  /** By the elements of arrays. */
  const told = new Map<EventField, bigint[]>();
  const shown = new Set<EventField>();
  for (const item of items) {
    if (item.kind === "literal") continue;
    if (item.kind === "ignored") for (const field of item.fields) shown.add(field);
    else {
      shown.add(item.field);
      const covers = coveredBy(item);
      const only = "index" in item ? item.index : undefined;
      const before = told.get(item.field) ?? new Array<bigint>(item.field.count).fill(0n);
      told.set(
        item.field,
        before.map((bits, index) => (only === undefined || only === index ? bits | covers : bits)),
      );
    }
  }
  const isFilled = (name: string): boolean => name === CALL_NUMBER && callNumberOf(format.name) !== undefined;
  const own = ownFields(format.fields).filter(({ name }) => !isFilled(name));
  const isWhole = (field: EventField, bits: bigint): boolean =>
    bits === bitsOf(field) || (NO_BITS_ABOVE.test(field.name) && bits !== 0n && (bits & (bits + 1n)) === 0n);
  const isTold = (field: EventField): boolean => told.get(field)?.every((bits) => isWhole(field, bits)) === true;
  return {
    unprinted: own.filter((field) => !shown.has(field)).map(({ name }) => name),
    unreadable: own.filter((field) => shown.has(field) && !isTold(field)).map(({ name }) => name),
  };
}
