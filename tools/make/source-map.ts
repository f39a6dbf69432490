/** Reads a source map of a WebAssembly module: from an offset in the binary to a line of the source. */

export interface Position {
  readonly file: string;
  readonly line: number;
}

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** The numbers of one segment (base 64, variable length, sign in the lowest bit). */
function decodeSegment(text: string): number[] {
  const numbers: number[] = [];
  let value = 0;
  let shift = 0;
  for (const letter of text) {
    const digit = DIGITS.indexOf(letter);
    value += (digit & 31) * 2 ** shift;
    shift += 5;
    if ((digit & 32) !== 0) continue;
    numbers.push(value % 2 === 1 ? -(value - 1) / 2 : value / 2);
    value = 0;
    shift = 0;
  }
  return numbers;
}

/** A function from the offset of an instruction to its place; the last one known before it counts. */
export function decodeMappings(sourceMap: string): (offset: number) => Position {
  const { sources, mappings } = JSON.parse(sourceMap) as { sources: string[]; mappings: string };
  const offsets: number[] = [];
  const positions: Position[] = [];
  let offset = 0;
  let source = 0;
  let line = 0;
  for (const segment of mappings.split(",")) {
    const [skip = 0, sourceSkip, lineSkip = 0] = decodeSegment(segment);
    offset += skip;
    if (sourceSkip === undefined) continue;
    source += sourceSkip;
    line += lineSkip;
    offsets.push(offset);
    positions.push({ file: sources[source] ?? "", line: line + 1 });
  }
  return (wanted) => {
    let low = 0;
    let high = offsets.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((offsets[middle] ?? 0) <= wanted) low = middle + 1;
      else high = middle;
    }
    return positions[low - 1] ?? { file: "", line: 0 };
  };
}
