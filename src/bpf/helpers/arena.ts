/** Pages of arena maps (`kernel/bpf/arena.c`): allocated, freed and reserved, by pointers of 64 bits. */
import { ERRNO } from "../../error.ts";
import { pageAt, pointerTo } from "../../maps/arena-pages.ts";
import { CONSTANTS } from "../../wasm/face.ts";
import type { Helper } from "./helper.ts";
import { MAP } from "./parameters/maps.ts";
import { SCALAR, WORD } from "./parameters/numbers.ts";
import type { ServiceCall } from "./service.ts";

/** NUMA_NO_NODE, and the one node that there is. */
const NODES: readonly number[] = [0xffffffff, 0];

const PAGE = BigInt(CONSTANTS.ARENA_PAGE_BYTES);

/** @returns the pointer to the first page, or 0 */
function allocate(call: ServiceCall, map: number, at: bigint, count: number, node: number, flags: bigint): bigint {
  const { pages } = call.mapAt(map);
  if (pages === undefined || flags !== 0n || at % PAGE !== 0n || !NODES.includes(node)) return 0n;
  const from = at === 0n ? CONSTANTS.ARENA_NOWHERE : pageAt(pages.first, at);
  const page = Number(call.host.core["arenaAllocatePages"]?.(map, from | 0, count) ?? CONSTANTS.ARENA_NOWHERE) >>> 0;
  return pointerTo(pages.first, page);
}

function free(call: ServiceCall, map: number, at: bigint, count: number): number {
  const { pages } = call.mapAt(map);
  if (pages !== undefined && at !== 0n) call.host.core["arenaFreePages"]?.(map, pageAt(pages.first, at), count);
  return 0;
}

function reserve(call: ServiceCall, map: number, at: bigint, count: number): number {
  const { pages } = call.mapAt(map);
  if (pages === undefined) return -ERRNO.EINVAL;
  // As in Linux, which does nothing then.
  if (at % PAGE !== 0n) return 0;
  return Number(call.host.core["arenaReservePages"]?.(map, pageAt(pages.first, at), count) ?? 0);
}

export const ARENA_FUNCTIONS: readonly Omit<Helper, "id">[] = [
  {
    name: "bpf_arena_alloc_pages",
    sleeps: true,
    maps: ["arena"],
    parameters: [MAP, SCALAR, WORD, WORD, SCALAR],
    action: { type: "service", run: allocate },
    result: "u64",
    doc: "The pointer to pages of zeroes of an arena map, side by side: from a pointer on or the first that are free; 0 if there are none, or no such NUMA node.",
  },
  {
    name: "bpf_arena_free_pages",
    sleeps: true,
    maps: ["arena"],
    parameters: [MAP, SCALAR, WORD],
    action: { type: "service", run: free },
    result: "none",
    doc: "Frees pages of an arena map, which read as zeroes then: the one that a pointer leads into, and those behind it.",
  },
  {
    name: "bpf_arena_reserve_pages",
    sleeps: true,
    maps: ["arena"],
    parameters: [MAP, SCALAR, WORD],
    action: { type: "service", run: reserve },
    result: "i32",
    doc: "Keeps pages of an arena map from being allocated; 0, -EINVAL, or -EBUSY where one of them is not free.",
  },
];
