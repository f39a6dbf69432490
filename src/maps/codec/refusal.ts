/** What a codec says of a value that it cannot hold exactly. */
import { refuse, show } from "../../arguments.ts";
import { AnyctxError } from "../../error.ts";

/**
 * @param codec as it is written: `u32`, `string(16)`
 * @param holds what it can hold
 */
export function refusal(codec: string, holds: string, value: unknown): AnyctxError {
  return new AnyctxError("EINVAL", `${codec} holds ${holds}, not ${show(value)}`);
}

/** The same refusal of a larger whole: says which part of it was refused. */
export function refusalOf(part: string, cause: unknown): AnyctxError {
  const why = cause instanceof AnyctxError ? cause.message : "it cannot be read";
  return new AnyctxError("EINVAL", `${part}: ${why}`, { cause });
}

/** Longest of what is given a length. */
const LONGEST = 2 ** 30;

/** @param what the codec, as it is called */
export function checkLength(what: string, length: number): void {
  if (!Number.isInteger(length) || length < 1 || length > LONGEST)
    refuse(what, "a whole number from 1 to 2^30", "length", length);
}
