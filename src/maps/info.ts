import type { MapKind } from "./kinds.ts";

/** What a map is, as its descriptor in shared memory says. */
export interface MapInfo {
  readonly name: string;
  readonly kind: MapKind;
  readonly address: number;
  /** Tells the map from one that lies at the address before or after it. */
  readonly serial: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  /** As `bpf_map_info.map_flags`: BPF_F_NO_PREALLOC (1) on every dynamic hash. */
  readonly flags: number;
  /** Bytes of one value as it lies in memory. */
  readonly valueStride: number;
  /** Where a lock lies in each value, in bytes; undefined: they have none. */
  readonly lock: number | undefined;
  /** Values under one key: the number of CPUs for a per-CPU kind, otherwise 1. */
  readonly copies: number;
}
