/**
 * What programs may read of their context: parts of it by how many bytes a load has, as `{ 4: "0-8 24-40", 8: "64-72" }`. A load lies
 * at a multiple of its bytes, and whole in a part. As Linux 6.18 answers for each place (`test/verifier/context-reads.test.ts`).
 */
export type Readable = Readonly<Partial<Record<number, string>>>;

/** Parts that loads of one, two and four bytes may read alike. */
export const words = (parts: string): Readable => ({ 1: parts, 2: parts, 4: parts });

type Parts = readonly (readonly [from: number, to: number])[];

/** Rows' texts are few, and asked about at each load of each path that the verifier follows. */
const PARSED = new Map<string, Parts>();

function partsOf(text: string): Parts {
  const known = PARSED.get(text);
  if (known !== undefined) return known;
  const parts = text.split(" ").map((part) => {
    const [from = 0, to = 0] = part.split("-").map(Number);
    return [from, to] as const;
  });
  PARSED.set(text, parts);
  return parts;
}

/** How many bytes loads may have that lie where one does; none where nothing is shown. */
export function readableBytes(readable: Readable, at: number, bytes: number): number[] {
  const widths = Object.keys(readable).map(Number);
  return widths.filter((width) => {
    const from = at - (at % width);
    const to = from + Math.max(width, bytes);
    return partsOf(readable[width] ?? "").some((part) => from >= part[0] && to <= part[1]);
  });
}
