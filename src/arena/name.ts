/** Names of maps and allocators as they lie in shared memory: UTF-8, NUL padded. */
import { checkText } from "../arguments.ts";
import { AnyctxError } from "../error.ts";
import { encodeUtf8 } from "../maps/codec/utf8.ts";

/**
 * @param what whose name it is, for the message: "A map"
 * @param room bytes of the field; the last one stays NUL
 * @param least fewest bytes a name may have
 * @returns `room` bytes
 * @throws {AnyctxError} EINVAL for a name that does not fit
 */
export function encodeName(what: string, name: string, room: number, least: number): Uint8Array {
  checkText(what, "name", name);
  // A typed array ignores what is written beyond its end; the length needed is returned all the same.
  const bytes = new Uint8Array(room);
  const needed = encodeUtf8(name, bytes);
  if (needed >= least && needed < room && !name.includes("\0")) return bytes;
  const quoted = JSON.stringify(name);
  throw new AnyctxError("EINVAL", `${what}'s name has ${least} to ${room - 1} bytes and no NUL: ${quoted}`);
}
