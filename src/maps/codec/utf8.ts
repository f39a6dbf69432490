/** UTF-8 by hand: an AudioWorklet has neither TextEncoder nor TextDecoder. */

/** UTF-8 of a UTF-16 unit, at most. */
export const MOST_BYTES_A_UNIT = 3;

/** Encodes a text. Returns the number of bytes it needs: a typed array ignores what is written beyond its end. */
export function encodeUtf8(text: string, into: Uint8Array): number {
  let at = 0;
  for (const character of text) {
    const point = character.codePointAt(0) ?? 0;
    if (point < 0x80) into[at++] = point;
    else {
      const extra = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
      const lead = [0, 0xc0, 0xe0, 0xf0][extra] ?? 0;
      into[at++] = lead | (point >> (6 * extra));
      for (let rest = extra - 1; rest >= 0; rest--) into[at++] = 0x80 | ((point >> (6 * rest)) & 0x3f);
    }
  }
  return at;
}

/** A text's bytes. */
export function utf8Of(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length * MOST_BYTES_A_UNIT);
  return bytes.subarray(0, encodeUtf8(text, bytes));
}

/** Decodes UTF-8 up to the first NUL; broken sequences become U+FFFD. */
export function decodeUtf8(from: Uint8Array): string {
  const end = from.indexOf(0);
  return decodeText(end < 0 ? from : from.subarray(0, end));
}

/** As decodeUtf8, with NULs as they are. */
export function decodeText(from: Uint8Array): string {
  let text = "";
  for (let at = 0; at < from.length; ) {
    const first = from[at++] ?? 0;
    const extra = first < 0x80 ? 0 : first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : first >= 0xc0 ? 1 : -1;
    if (extra < 0) {
      text += "\ufffd";
      continue;
    }
    let point = extra === 0 ? first : first & (0x3f >> extra);
    let rest = extra;
    for (; rest > 0 && ((from[at] ?? 0) & 0xc0) === 0x80; rest--) point = (point << 6) | ((from[at++] ?? 0) & 0x3f);
    text += rest === 0 && point <= 0x10ffff ? String.fromCodePoint(point) : "\ufffd";
  }
  return text;
}
