/** What a kernel prints of what lies at an address: `%pI4`, `%pM`, `%pU`, `%*ph` and their like. */

const pairs = (bytes: Buffer, separator: string): string =>
  [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(separator);

/** `%16phN`: so many bytes. */
export function dumped(bytes: Buffer, letters: string, width: number): string {
  return pairs(bytes.subarray(0, width), { C: ":", D: "-", N: "" }[letters.slice(1, 2)] ?? " ");
}

const ip4 = (bytes: Buffer, order: string): string =>
  (order === "h" || order === "l" ? [...bytes.subarray(0, 4)].reverse() : [...bytes.subarray(0, 4)]).join(".");

function ip6(bytes: Buffer, isCompressed: boolean): string {
  const groups = Array.from({ length: 8 }, (_, at) => bytes.readUInt16BE(at * 2));
  if (!isCompressed) return groups.map((group) => group.toString(16).padStart(4, "0")).join(":");
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  const end = isMapped ? 6 : 8;
  const tail = isMapped ? ip4(bytes.subarray(12), "") : "";
  let [first, length] = [0, 0];
  for (let from = 0; from < end; from++) {
    let to = from;
    while (to < end && groups[to] === 0) to++;
    if (to - from > length) [first, length] = [from, to - from];
  }
  const hex = (some: number[]): string => some.map((group) => group.toString(16)).join(":");
  const behind = (list: number[]): string => [hex(list), tail].filter((part) => part !== "").join(":");
  if (length < 2) return behind(groups.slice(0, end));
  return `${hex(groups.slice(0, first))}::${behind(groups.slice(first + length, end))}`;
}

function socket(bytes: Buffer, letters: string): string {
  const isFour = bytes.readUInt16LE(0) === 2;
  const host = isFour ? ip4(bytes.subarray(4), "") : ip6(bytes.subarray(8), letters.includes("c"));
  const port = letters.includes("p") ? `:${bytes.readUInt16BE(2)}` : "";
  return isFour || port === "" ? host + port : `[${host}]${port}`;
}

function identifier(bytes: Buffer, letter: string): string {
  const isLittle = letter === "l" || letter === "L";
  const order = isLittle ? [3, 2, 1, 0, 5, 4, 7, 6] : [0, 1, 2, 3, 4, 5, 6, 7];
  const hex = pairs(Buffer.from([...order.map((at) => bytes[at] ?? 0), ...bytes.subarray(8, 16)]), "");
  const text = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  return letter === "B" || letter === "L" ? text.toUpperCase() : text;
}

function list(bytes: Buffer, bits: number): string {
  const isSet = (at: number): boolean => at < bits && ((bytes[at >> 3] ?? 0) & (1 << (at & 7))) !== 0;
  const runs: string[] = [];
  for (let at = 0; at < bits; at++) {
    if (!isSet(at)) continue;
    const from = at;
    while (isSet(at + 1)) at++;
    runs.push(from === at ? `${at}` : `${from}-${at}`);
  }
  return runs.join(",");
}

function bitmap(bytes: Buffer, bits: number): string {
  const words: string[] = [];
  for (let from = 0; from < bits; from += 32) {
    const wide = Math.min(32, bits - from);
    const word = bytes.readUInt32LE(from / 8) & (wide === 32 ? -1 : (1 << wide) - 1);
    words.push((word >>> 0).toString(16).padStart(Math.ceil(wide / 4), "0"));
  }
  return words.reverse().join(",");
}

/** The text for such letters; undefined: they need what only a kernel has. */
export function pointedAt(bytes: Buffer, letters: string, width: number): string | undefined {
  const [, kind, more = ""] = /^(I4|i4|I6|i6|IS|iS|MR?|mR?|MF|U|a|bl?|NF|4cc)(.*)$/.exec(letters) ?? [];
  if (kind === "I4") return ip4(bytes, more);
  if (kind === "i4") return [...bytes].map((byte) => String(byte).padStart(3, "0")).join(".");
  if (kind === "I6") return ip6(bytes, more.includes("c"));
  if (kind === "i6") return pairs(bytes.subarray(0, 16), "");
  if (kind === "IS") return socket(bytes, more);
  if (kind === "M" || kind === "MF") return pairs(bytes, kind === "MF" ? "-" : ":");
  if (kind === "MR") return pairs(Buffer.from(bytes).reverse(), ":");
  if (kind === "m") return pairs(bytes, "");
  if (kind === "mR") return pairs(Buffer.from(bytes).reverse(), "");
  if (kind === "U") return identifier(bytes, more);
  if (kind === "b") return bitmap(bytes, width);
  if (kind === "bl") return list(bytes, width);
  if (kind === "a" || kind === "NF") return `0x${Buffer.from(bytes).reverse().toString("hex").padStart(16, "0")}`;
  return undefined;
}
