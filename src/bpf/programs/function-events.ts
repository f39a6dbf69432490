/** Programs on functions, and events of functions in recordings. */
import { AnyctxError } from "../../error.ts";
import { type Call, callOf } from "../kernel/call.ts";
import type { FunctionTypes } from "../kernel/functions.ts";
import { RecordReader } from "../kernel/object.ts";
import { ARGUMENT_BYTES } from "./context.ts";
import type { ContextField, EventContext, ProgramEvent } from "./program-type.ts";

/** `/lib/libc.so.6:getaddrinfo`, `vfs_read+0x10`, `vfs_*`: a file of user space before the function, and bytes from its beginning. */
const TARGET = /^(?:.*[/:])?([^+/:]*)(?:\+(\w+))?$/;

/** Whether a program on a function runs on an event. @param at `entry`, `return` or `both` */
export function runsOnFunction(target: string, at: string, { function: found }: ProgramEvent): boolean {
  const [, name = "", offset = "0"] = TARGET.exec(target) ?? [];
  if (found === undefined || name === "" || (at !== "both" && at !== found.at)) return false;
  if (Number(offset) !== found.offset) return false;
  if (!name.includes("*")) return name === found.name;
  const pattern = name.replace(/[.?^$|()[\]{}\\]/g, "\\$&").replaceAll("*", ".*");
  return new RegExp(`^${pattern}$`).test(found.name);
}

/** What an event tells of a call. @throws {AnyctxError} UNSUPPORTED for an event of no function */
export function callAt(
  { name, format, function: found }: ProgramEvent,
  functions: FunctionTypes = new Map(),
): { readonly call: Call; readonly isReturn: boolean } {
  if (found === undefined || format === undefined)
    throw new AnyctxError(
      "UNSUPPORTED",
      `a program on a function runs on no event of a source but a function's, not on ${name}`,
    );
  return { call: callOf(found, format, functions.get(found.name)), isReturn: found.at === "return" };
}

/** Arguments of a call side by side and, once it has returned, its result behind them. */
export function argumentsOfCall(event: ProgramEvent, functions?: FunctionTypes): EventContext {
  const { call, isReturn } = callAt(event, functions);
  const reader = new RecordReader(event.format);
  const values = isReturn ? [...call.arguments, call.returned] : call.arguments;
  const fields = values.map(({ name, field: recordedIn, read }, index): ContextField => {
    const place = { name, offset: index * ARGUMENT_BYTES, size: ARGUMENT_BYTES };
    const field = recordedIn === undefined ? place : { ...place, recordedIn };
    return read === undefined ? { ...field, unrecorded: true } : field;
  });
  const lost = isReturn ? fields.slice(0, -1).filter(({ unrecorded }) => unrecorded === true) : [];
  return {
    fields,
    entered: new Map(lost.map((field) => [field, field.offset / ARGUMENT_BYTES])),
    objects: values.flatMap(({ object }) => object ?? []),
    bytes: () => values.length * ARGUMENT_BYTES,
    write(source, record, target, at) {
      reader.at(source, record);
      for (const [index, { read }] of values.entries())
        target.setBigUint64(at + index * ARGUMENT_BYTES, read?.(reader) ?? 0n, true);
    },
  };
}
