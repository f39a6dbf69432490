/** What a user's own project says of the package, for the compiler alone (tools/package/consumer.ts). */
import {
  type Address,
  type AllocateErrno,
  Arena,
  type ArenaHandle,
  type ArenaMap,
  type CoreSource,
  cacheStatistics,
  isAddress,
  type ObjectAllocator,
  type Service,
  struct,
  u32,
  u64,
} from "anyctx";
import { loadObject } from "anyctx/bpf";
import * as simulator from "anyctx/sim";

export async function use(core: CoreSource): Promise<ArenaHandle> {
  const arena = await Arena.create({ cpus: 2, core, thresholds: "adaptive" });
  const map: ArenaMap<number, { a: bigint }> = arena.createMap({
    type: "hash",
    name: "map",
    key: u32,
    value: struct({ a: u64 }),
    maxEntries: 10,
  });
  const found: { a: bigint } | undefined = map.get(1);
  const objects: ObjectAllocator = arena.createAllocator({ objectSize: 8 });
  const object: Address | AllocateErrno = objects.allocate();
  const bytes: Uint8Array | undefined = isAddress(object) ? objects.bytes(object) : undefined;
  const service: Service = arena.serve();
  service.stop();
  arena.context("nmi");
  // @ts-expect-error there is no such context
  arena.context("interrupt");
  // @ts-expect-error a context is a name
  arena.context(3);
  void [found, bytes, cacheStatistics(arena, map.info), loadObject, simulator];
  const other = await Arena.attach(arena.handle());
  return other.handle();
}
