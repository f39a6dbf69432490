/** anyctx: shared memory with an any-context allocator, and maps on it. The subpath `anyctx/bpf` runs programs on them. */
export {
  type Address,
  ALLOCATE,
  type AllocateFlags,
  type AllocatorOptions,
  ObjectAllocator,
} from "./arena/allocator.ts";
export type { AllocatorStatistics, ObjectCacheStatistics } from "./arena/allocator-statistics.ts";
export { Arena, type ArenaHandle, type ArenaOptions, type Profile } from "./arena/arena.ts";
export type { Misses } from "./arena/caches.ts";
export type { ContextName } from "./arena/contexts.ts";
export type { MapOptions } from "./arena/directory.ts";
export type { Service } from "./arena/serve.ts";
export {
  type CacheStatistics,
  cacheStatistics,
  type MapStatistics,
  mapStatistics,
} from "./arena/statistics.ts";
export { AnyctxError, ERRNO, type ErrnoName, type ErrorCode, errnoName } from "./error.ts";
export {
  array,
  bytes,
  type Codec,
  f32,
  f64,
  i8,
  i16,
  i32,
  i64,
  none,
  string,
  struct,
  u8,
  u16,
  u32,
  u64,
} from "./maps/codec.ts";
export { MAP_KINDS, type MapKind, type MapType } from "./maps/kinds.ts";
export { ANY, ArenaMap, EXIST, type MapInfo, NOEXIST } from "./maps/map.ts";
export type { CoreModule, CoreSource, SharedMemory } from "./wasm/types.ts";
