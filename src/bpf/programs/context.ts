/** What contexts of several program types have in common. */
import { AnyctxError } from "../../error.ts";
import { RECORD } from "../../events/record.ts";
import type { ContextAccess, DirectContext, DirectInput, ProgramContext, ProgramEvent } from "./program-type.ts";

/** Bytes of a record's payload, for types whose context it is: up to 7 zeroes at its end belong to it. */
export function payloadBytes(source: DataView, record: number): number {
  return source.getUint32(record + RECORD.size, true) - RECORD.payload;
}

/** Bytes of a run's context, where that is the payload of the record that the CPU works on; 0: it is not. */
export function payloadBytesAt(
  view: DataView,
  { layout }: { readonly layout: { readonly task: number } },
  context: number,
  cpu: number,
): number {
  const at = cpu + layout.task;
  if (at + 4 > view.byteLength) return 0;
  const record = view.getUint32(at, true);
  if (record === 0 || context !== record + RECORD.payload || context > view.byteLength) return 0;
  return Math.max(0, payloadBytes(view, record));
}

/** The same number in every word from `from` on: a key of any width at any place is another one for each `index`. */
export function numbered(length: number, from: number, index: number): Uint8Array {
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  for (let at = from; at + 4 <= length; at += 4) view.setUint32(at, index + 1, true);
  return bytes;
}

/** In a sentence, for whoever gives it under another name: TypeScript's `raw`. */
const wordsOf = (name: string): string => (name === "context" ? "its context's bytes" : name);

/** The first of what is given that a type does not make its context of would be lost. */
export function onlyOf(what: string, given: DirectInput, known: readonly (keyof DirectInput)[]): void {
  for (const [name, value] of Object.entries(given))
    if (value !== undefined && !known.includes(name as keyof DirectInput))
      throw new AnyctxError("EINVAL", `${what} is given ${known.map(wordsOf).join(" or ")}, not ${wordsOf(name)}`);
}

/** Of two ways to give the same only one is taken: the other would be lost. */
export function eitherOf(what: string, given: DirectInput, one: keyof DirectInput, other: keyof DirectInput): void {
  if (given[one] !== undefined && given[other] !== undefined)
    throw new AnyctxError("EINVAL", `${what} is given ${wordsOf(one)} or ${wordsOf(other)}, not both`);
}

/** Bytes as they are. */
export function plainContext(bytes: Uint8Array): DirectContext {
  return { own: bytes.length, bytes: bytes.length, write: (target) => target.set(bytes) };
}

/**
 * The context of the types whose programs get a struct of the kernel's uapi, given as its bytes or the first of them.
 * @param access what programs may do with it besides reading it
 */
export function structContext(
  what: string,
  struct: string,
  size: number,
  access: Omit<ContextAccess, "bytes"> = {},
): ProgramContext {
  return {
    ...withoutEvents(what),
    access: { bytes: () => size, ...access },
    example: (_, index) => numbered(size, 0, index),
    direct(given) {
      onlyOf(what, given, ["context"]);
      const { context = new Uint8Array(0) } = given;
      if (context.length > size) throw new AnyctxError("EINVAL", `${struct} has ${size} bytes, not ${context.length}`);
      const bytes = new Uint8Array(size);
      bytes.set(context);
      return plainContext(bytes);
    },
  };
}

/** The context of a type that takes it as it is given. */
export function givenContext(what: string, given: DirectInput): DirectContext {
  onlyOf(what, given, ["context"]);
  return plainContext(given.context ?? new Uint8Array(0));
}

/** Each argument is a u64. */
export const ARGUMENT_BYTES = 8;

/** Arguments side by side, up to `most`: those that are not given are 0. */
export function argumentsContext(what: string, given: DirectInput, most: number): DirectContext {
  onlyOf(what, given, ["args", "returned", "context"]);
  if (given.context !== undefined) return givenContext(what, given);
  const args = [...(given.args ?? []), ...(given.returned === undefined ? [] : [given.returned])];
  if (args.length > most) throw new AnyctxError("EINVAL", `${what} has at most ${most} arguments, not ${args.length}`);
  const view = new DataView(new ArrayBuffer(most * ARGUMENT_BYTES));
  for (const [index, arg] of args.entries()) view.setBigUint64(index * ARGUMENT_BYTES, BigInt.asUintN(64, arg), true);
  return plainContext(new Uint8Array(view.buffer));
}

/** Linux's most for a function, and its result. */
export const MOST_TYPED_ARGUMENTS = 13;

/** The context of the types whose programs get a function's typed arguments and its result. */
export function typedArguments(what: string): ProgramContext {
  return {
    ...withoutEvents(what),
    access: { bytes: () => MOST_TYPED_ARGUMENTS * ARGUMENT_BYTES },
    example: (_, index) => numbered(MOST_TYPED_ARGUMENTS * ARGUMENT_BYTES, 0, index),
    direct: (given) => argumentsContext(what, given, MOST_TYPED_ARGUMENTS),
  };
}

/** Of types that no event of a source is for: what they run on is given to direct runs. */
export function withoutEvents(what: string): Pick<ProgramContext, "room" | "of"> {
  return {
    room: 0,
    of({ name }: ProgramEvent) {
      throw new AnyctxError("UNSUPPORTED", `${what} runs on no event of a source, ${name} neither`);
    },
  };
}
