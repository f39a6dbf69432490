import { CONSTANTS, type Core } from "../wasm/face.ts";

/**
 * The registry of map kinds: one row a kind. The arena, the loader, the interpreter, the JIT and the command line all
 * read it, so that a new kind is one file in `core/maps/` and one row here.
 *
 * The functions are named as the core exports them. All take `(map, ...)` with the address of the map's descriptor
 * first, addresses as u32, and return a u32 address (0: none) for `lookup`, otherwise `0` or `-errno`:
 *
 * | role   | arguments                                     | result              |
 * |--------|-----------------------------------------------|---------------------|
 * | lookup | map, key address                              | value address or 0  |
 * | update | map, key address, value address, flags (u32)  | 0 or -errno         |
 * | delete | map, key address                              | 0 or -errno         |
 *
 * `program` is what a BPF program gets: for a per-CPU kind the current CPU's value. `system` is what `bpf(2)` does and
 * what TypeScript gets: copies, and all CPUs' values one after the other for a per-CPU kind.
 */
export interface MapKind {
  readonly type: MapType;
  /** `enum bpf_map_type` of Linux's `include/uapi/linux/bpf.h`. */
  readonly bpfType: number;
  readonly perCpu: boolean;
  /** Keys are u32 indexes below max_entries that always exist. */
  readonly indexed: boolean;
  readonly doc: string;
  readonly program: { readonly lookup: keyof Core; readonly update: keyof Core; readonly delete: keyof Core };
  readonly system: { readonly get: CoreGet; readonly update: CoreUpdate; readonly delete: CoreDelete };
}

type CoreGet = "hashGet" | "percpuHashGet" | "arrayGet" | "percpuArrayGet";
type CoreUpdate = "hashUpdate" | "percpuHashUpdateAll" | "arrayUpdate" | "percpuArrayUpdateAll";
type CoreDelete = "hashDelete" | "arrayDelete";

export type MapType = "hash" | "percpu_hash" | "array" | "percpu_array";

/** A flag of maps, Linux's BPF_F_NO_PREALLOC: elements are allocated when they are needed. Every dynamic hash shows it. */
export const NO_PREALLOC: number = CONSTANTS.NO_PREALLOC;

export const MAP_KINDS: readonly MapKind[] = [
  {
    type: "hash",
    bpfType: 1,
    perCpu: false,
    indexed: false,
    doc: "Hash map; dynamic by default, preallocated on request.",
    program: { lookup: "hashLookup", update: "hashUpdate", delete: "hashDelete" },
    system: { get: "hashGet", update: "hashUpdate", delete: "hashDelete" },
  },
  {
    type: "array",
    bpfType: 2,
    perCpu: false,
    indexed: true,
    doc: "Array of max_entries values, zeroed at creation.",
    program: { lookup: "arrayLookup", update: "arrayUpdate", delete: "arrayDelete" },
    system: { get: "arrayGet", update: "arrayUpdate", delete: "arrayDelete" },
  },
  {
    type: "percpu_hash",
    bpfType: 5,
    perCpu: true,
    indexed: false,
    doc: "Hash map with one value per CPU under each key.",
    program: { lookup: "percpuHashLookup", update: "hashUpdate", delete: "hashDelete" },
    system: { get: "percpuHashGet", update: "percpuHashUpdateAll", delete: "hashDelete" },
  },
  {
    type: "percpu_array",
    bpfType: 6,
    perCpu: true,
    indexed: true,
    doc: "Array with one value per CPU at each index.",
    program: { lookup: "percpuArrayLookup", update: "percpuArrayUpdate", delete: "arrayDelete" },
    system: { get: "percpuArrayGet", update: "percpuArrayUpdateAll", delete: "arrayDelete" },
  },
];

export function mapKindByBpfType(bpfType: number): MapKind | undefined {
  return MAP_KINDS.find((kind) => kind.bpfType === bpfType);
}

export function mapKindByType(type: string): MapKind | undefined {
  return MAP_KINDS.find((kind) => kind.type === type);
}
