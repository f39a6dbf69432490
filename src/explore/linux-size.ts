/**
 * What a hash takes in Linux on 64 bits (`kernel/bpf/hashtab.c`, `kernel/bpf/memalloc.c`, 6.18): the buckets, and all
 * elements at creation (preallocated) or those that the per-CPU caches own (dynamic). Caches' own fields, a few hundred
 * bytes a CPU, are left out.
 */
import type { MapInfo } from "../maps/map.ts";

export interface LinuxSizes {
  /** Buckets and all elements, on so many possible CPUs. */
  readonly preallocated: number;
  readonly buckets: number;
  /** Of one object of the elements' allocator as the slab hands it out, and one of the values' (0: there is none). */
  readonly element: number;
  readonly value: number;
}

/** `struct htab_elem` without the key. */
const ELEMENT_HEADER = 48;
/** `struct bucket`. */
const BUCKET = 16;
const POINTER = 8;
/** The header that an allocator's object has in front. */
const OBJECT_HEADER = 8;
/** The wrapper of a per-CPU object: header and pointer. */
const PERCPU_WRAPPER = 16;
const CLASSES = [16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096] as const;

function roundUp(bytes: number): number {
  return Math.ceil(bytes / 8) * 8;
}

function powerOfTwo(least: number): number {
  return 2 ** Math.ceil(Math.log2(least));
}

/** Bytes that the slab takes for an object. */
function slabBytes(unit: number): number {
  return CLASSES.find((size) => size >= unit) ?? powerOfTwo(unit);
}

export function linuxSizes({ kind, keySize, valueSize, maxEntries }: MapInfo, cpus: number): LinuxSizes {
  const value = roundUp(valueSize);
  const element = ELEMENT_HEADER + roundUp(keySize) + (kind.perCpu ? POINTER : value);
  const buckets = powerOfTwo(maxEntries) * BUCKET;
  // A plain hash has a spare element for each CPU.
  const pool = (maxEntries + (kind.perCpu ? 0 : cpus)) * element;
  const values = kind.perCpu ? maxEntries * value * cpus : 0;
  return {
    preallocated: buckets + pool + values,
    buckets,
    element: slabBytes(element + OBJECT_HEADER),
    value: kind.perCpu ? PERCPU_WRAPPER + value * cpus : 0,
  };
}
