/** A type of values that have a lock, in BTF, as the kernel wants it of who creates such a map (`Documentation/bpf/btf.rst` of Linux). */

const MAGIC = 0xeb9f;
const HEADER_BYTES = 24;
const [INT, STRUCT] = [1 << 24, 4 << 24];
const NAMES = ["", "unsigned int", "bpf_spin_lock", "value"] as const;

/** Numbers of the types of keys, which are of 4 bytes, and of values. */
export const KEY_TYPE = 1;
export const VALUE_TYPE = 3;

/** `struct value { ... struct bpf_spin_lock; ... }`. @param lock its offset in bytes */
export function lockedType(valueSize: number, lock: number): Uint8Array {
  const places = NAMES.map((_, index) => NAMES.slice(0, index).join("\0").length + (index === 0 ? 0 : 1));
  const [none = 0, int = 0, spinLock = 0, value = 0] = places;
  const types = [
    ...[int, INT, 4, 32],
    ...[spinLock, STRUCT | 1, 4, none, KEY_TYPE, 0],
    ...[value, STRUCT | 1, valueSize, none, 2, lock * 8],
  ];
  const texts = new TextEncoder().encode(`${NAMES.join("\0")}\0`);
  const typeBytes = types.length * 4;
  const bytes = new Uint8Array(HEADER_BYTES + typeBytes + texts.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, MAGIC, true);
  view.setUint8(2, 1);
  for (const [index, word] of [HEADER_BYTES, 0, typeBytes, typeBytes, texts.length, ...types].entries())
    view.setUint32(4 + index * 4, word, true);
  bytes.set(texts, HEADER_BYTES + typeBytes);
  return bytes;
}
