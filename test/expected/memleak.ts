/**
 * What `examples/bpf/memleak.bpf.c` must find.
 *
 * The rules, in the order of the trace, whatever the CPU: an allocation at pointer 0 does not count; a known pointer
 * allocated again forgets the older allocation first (`reused`), also when the new one's size is outside the limits; a
 * free of pointer 0 does nothing, of an unknown pointer it counts in `unknownFrees`. A call site stays once it was seen,
 * with zero bytes and count when all is freed.
 */
import { field, type Line } from "./lines.ts";

export interface MemleakResult {
  /** By pointer. `callSite` is `function+0xoffset`, without the function's size. */
  readonly allocs: Map<bigint, { readonly size: bigint; readonly callSite: string }>;
  readonly sites: Map<string, { readonly bytes: bigint; readonly count: bigint }>;
  readonly reused: bigint;
  readonly unknownFrees: bigint;
  /** The most allocations that were live at one time. */
  readonly peak: number;
}

const ALLOCATIONS = new Set(["kmalloc", "kmem_cache_alloc"]);
const FREES = new Set(["kfree", "kmem_cache_free"]);
const U64 = (1n << 64n) - 1n;

/** @param options limits in bytes as allocated, both included; all sizes by default */
export function memleak(
  lines: Iterable<Line>,
  options: { readonly minSize?: bigint; readonly maxSize?: bigint } = {},
): MemleakResult {
  const { minSize = 0n, maxSize = U64 } = options;
  const allocs = new Map<bigint, { size: bigint; callSite: string }>();
  const sites = new Map<string, { bytes: bigint; count: bigint }>();
  let reused = 0n;
  let unknownFrees = 0n;
  let peak = 0;

  const forget = (pointer: bigint): boolean => {
    const known = allocs.get(pointer);
    if (known === undefined) return false;
    allocs.delete(pointer);
    const site = sites.get(known.callSite);
    if (site !== undefined) sites.set(known.callSite, { bytes: site.bytes - known.size, count: site.count - 1n });
    return true;
  };

  for (const line of lines) {
    const allocates = ALLOCATIONS.has(line.event);
    if (!allocates && !FREES.has(line.event)) continue;
    const pointer = BigInt(`0x${field(line, "ptr")}`);
    if (pointer === 0n) continue;
    const known = forget(pointer);
    if (!allocates) {
      if (!known) unknownFrees++;
      continue;
    }
    if (known) reused++;
    const size = BigInt(field(line, "bytes_alloc"));
    if (size < minSize || size > maxSize) continue;
    const callSite = field(line, "call_site").replace(/\/0x[0-9a-f]+$/, "");
    const site = sites.get(callSite) ?? { bytes: 0n, count: 0n };
    sites.set(callSite, { bytes: site.bytes + size, count: site.count + 1n });
    allocs.set(pointer, { size, callSite });
    peak = Math.max(peak, allocs.size);
  }
  return { allocs, sites, reused, unknownFrees, peak };
}
