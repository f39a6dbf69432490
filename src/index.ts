/** anyctx: shared memory with an any-context allocator, and maps on it. The subpath `anyctx/bpf` runs programs on them. */
export {
  type Address,
  ALLOCATE,
  type AllocateErrno,
  type AllocateFlags,
  isAddress,
  ObjectAllocator,
} from "./arena/allocator.ts";
export type { AllocatorOptions } from "./arena/allocator-options.ts";
export type { AllocatorStatistics, ObjectCacheStatistics } from "./arena/allocator-statistics.ts";
export { Arena, type ArenaHandle, type ArenaOptions, type MapCodecs, type Profile } from "./arena/arena.ts";
export type { Misses } from "./arena/caches.ts";
export type { ContextName } from "./arena/contexts.ts";
export { innerMaps, type MapOpener } from "./arena/inner-maps.ts";
export type { Service } from "./arena/serve.ts";
export {
  type CacheStatistics,
  cacheStatistics,
  type MapStatistics,
  mapStatistics,
} from "./arena/statistics.ts";
export { AnyctxError, ERRNO, type ErrnoName, type ErrorCode, errnoName } from "./error.ts";
export type { Many, ManyOut } from "./maps/batch.ts";
export {
  type Accessor,
  array,
  bytes,
  type Codec,
  type LockCodec,
  none,
  type Role,
  spinLock,
  string,
  struct,
} from "./maps/codec/codec.ts";
export { type Json, json } from "./maps/codec/json.ts";
export { f32, f64, i8, i16, i32, i64, u8, u16, u32, u64 } from "./maps/codec/scalar.ts";
export { ExpiringMap } from "./maps/expiring.ts";
export { MAP_KINDS, type MapKind, type MapType } from "./maps/kinds.ts";
export type { LiveView } from "./maps/live-view.ts";
export { ANY, ArenaMap, EXIST, type KeyRange, LOCK, type MapInfo, NOEXIST } from "./maps/map.ts";
export type { ExpiringMapOf, MapOf } from "./maps/map-of.ts";
export type { MapOptions } from "./maps/options.ts";
export type { PerfBuffer, PerfBufferOptions, PerfRecord } from "./maps/perf-buffer.ts";
export type { ConsumeOptions } from "./maps/records.ts";
export type { CoreModule, CoreSource, SharedMemory } from "./wasm/types.ts";
