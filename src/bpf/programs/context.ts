/** What contexts of several program types have in common. */
import { RECORD } from "../../events/record.ts";

/** Bytes of a record's payload, for types whose context it is: up to 7 zeroes at its end belong to it. */
export function payloadBytes(source: DataView, record: number): number {
  return source.getUint32(record + RECORD.size, true) - RECORD.payload;
}

/** The same number in every word from `from` on: a key of any width at any place is another one for each `index`. */
export function numbered(length: number, from: number, index: number): Uint8Array {
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  for (let at = from; at + 4 <= length; at += 4) view.setUint32(at, index + 1, true);
  return bytes;
}
