/** Names of the kernel's addresses, from the text of `/proc/kallsyms`. */
import type { Symbols } from "../source.ts";

/** @param text lines of address, letter and name; sorted when a name is first asked for */
export function kernelSymbols(text: string): Symbols {
  let sorted: { readonly addresses: BigUint64Array; readonly names: readonly string[] } | undefined;
  return {
    nameOf(address) {
      sorted ??= sort(text);
      const at = lastUpTo(sorted.addresses, address);
      const start = sorted.addresses[at];
      // So far behind the last symbol nothing of it is left.
      if (start === undefined || address - start > 0x10_0000n) return `0x${address.toString(16)}`;
      return `${sorted.names[at]}+0x${(address - start).toString(16)}`;
    },
  };
}

function sort(text: string): { addresses: BigUint64Array; names: string[] } {
  const rows = [...text.matchAll(/^([0-9a-f]{8,16}) \w (\S+)(?:\s+(\[\S+\]))?$/gm)].map(
    ([, address = "0", name = "", module]) =>
      [BigInt(`0x${address}`), module === undefined ? name : `${name} ${module}`] as const,
  );
  rows.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return { addresses: BigUint64Array.from(rows, ([address]) => address), names: rows.map(([, name]) => name) };
}

/** Index of the last address that is not above; -1: none. */
function lastUpTo(addresses: BigUint64Array, address: bigint): number {
  let [low, high] = [0, addresses.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((addresses[middle] as bigint) <= address) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
