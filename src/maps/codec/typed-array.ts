/** What a typed array is, asked of the engine and not of its own properties: of an array of whichever realm. */
import { show } from "../../arguments.ts";
import { AnyctxError } from "../../error.ts";

function getter(name: PropertyKey): (this: unknown) => unknown {
  const found = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), name)?.get;
  return found as (this: unknown) => unknown;
}

const KIND = getter(Symbol.toStringTag);
const LENGTH = getter("length");
const BUFFER = getter("buffer") as (this: unknown) => ArrayBufferLike;
const BEGIN = getter("byteOffset") as (this: unknown) => number;
/** Throws for an array whose buffer has been transferred, or is too short for it by now. */
const { at: AT } = Uint8Array.prototype;

/** As "Uint8Array"; undefined for what is no typed array. */
export function typedArrayKind(value: unknown): string | undefined {
  return KIND.call(value) as string | undefined;
}

/** Elements of a typed array. */
export function typedArrayLength(value: unknown): number {
  return LENGTH.call(value) as number;
}

/** Whether a typed array's elements are there: its buffer may have been transferred to another thread. */
export function isWhole(value: unknown): boolean {
  try {
    AT.call(value as Uint8Array, 0);
    return true;
  } catch {
    return false;
  }
}

/** Bytes of a Uint8Array, of whichever realm; -1 for anything else, and if they are not there: then it has no length. */
export function lengthOfBytes(value: unknown): number {
  const length = typedArrayKind(value) === "Uint8Array" ? typedArrayLength(value) : -1;
  return length !== 0 || isWhole(value) ? length : -1;
}

/** A Uint8Array by a view that is nobody else's and so what it seems; undefined for anything else, and if its bytes are not there. */
export function bytesOf(value: unknown): Uint8Array | undefined {
  const length = lengthOfBytes(value);
  return length < 0 ? undefined : new Uint8Array(BUFFER.call(value), BEGIN.call(value), length);
}

/**
 * Bytes that a call was given: as `bytesOf`.
 * @param call whose argument they are, `what` its name
 * @throws {AnyctxError} EINVAL
 */
export function givenBytes(call: string, what: string, value: unknown): Uint8Array {
  const bytes = bytesOf(value);
  if (bytes !== undefined) return bytes;
  const reason = typedArrayKind(value) === "Uint8Array" ? "one whose buffer has been transferred" : show(value);
  throw new AnyctxError("EINVAL", `${call} needs a Uint8Array as ${what}, not ${reason}`);
}
