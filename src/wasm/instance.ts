/**
 * The core's instance on this thread: its exported functions, and where the fields lie that the control plane reads.
 * The layout numbers come from the core itself, so that every structure is declared once.
 */
import { AnyctxError } from "../error.ts";

/** Exported functions. Addresses and sizes are u32; a result that is an address needs `>>> 0`. */
export interface Core {
  arenaFormat(cpus: number, maximumWasmPages: number, seed: number): number;
  arenaVersion(): number;
  takeCpu(id: number, token: number): number;
  releaseCpu(id: number): void;
  switchCpu(id: number): void;
  cpuCount(): number;
  cpuAreaAddress(id: number): number;
  currentArea(): number;
  allocateBytes(bytes: number): number;
  freeBytes(address: number): void;
  createMap(
    kind: number,
    keySize: number,
    valueSize: number,
    maxEntries: number,
    flags: number,
    supply: number,
    seed: number,
  ): number;
  publishMap(map: number): number;
  discardMap(map: number): void;
  openMap(name: number): number;
  closeMap(map: number, cpu: number): void;
  findMap(name: number): number;
  destroyMap(map: number): number;
  reapMaps(): number;
  mapCount(map: number): number;
  mapPrefill(map: number, count: number): number;
  hashLookup(map: number, key: number): number;
  hashGet(map: number, key: number, into: number): number;
  hashUpdate(map: number, key: number, value: number, flags: number): number;
  hashDelete(map: number, key: number): number;
  hashScan(map: number, from: number, into: number, bytes: number): number;
  scanEntryBytes(map: number): number;
  percpuHashGet(map: number, key: number, into: number): number;
  percpuHashUpdateAll(map: number, key: number, value: number, flags: number): number;
  arrayLookup(map: number, key: number): number;
  arrayGet(map: number, key: number, into: number): number;
  arrayUpdate(map: number, key: number, value: number, flags: number): number;
  arrayDelete(map: number, key: number): number;
  percpuArrayGet(map: number, key: number, into: number): number;
  percpuArrayUpdateAll(map: number, key: number, value: number, flags: number): number;
  createObjectAllocator(size: number, perCpu: number, limit: number): number;
  destroyObjectAllocator(allocator: number): number;
  isObjectAllocator(address: number): number;
  objectAllocate(allocator: number, size: number, flags: number): number;
  objectAllocatorIdle(allocator: number): number;
  objectCaches(allocator: number, size: number): number;
  objectCopy(address: number, cpu: number): number;
  objectFree(address: number): void;
  objectFreeRcu(address: number): void;
  objectPrefill(allocator: number, size: number, count: number): number;
  objectSize(address: number): number;
  objectTrim(allocator: number): void;
  objectWithdraw(allocator: number, size: number, owned: number, promised: number): void;
  allocatorBytes(allocator: number): number;
  allocatorOwned(caches: number): number;
  setLimit(pages: number): void;
  shareAccount(map: number, allocator: number): number;
  trimCpus(token: number): void;
  reapCpu(cpu: number): number;
  trimSlabs(): void;
  pagesInUse(): number;
  setForceDynamic(value: number): void;
  setProfile(value: number): void;
  readEnter(): void;
  readLeave(): void;
  traceEnter(): void;
  traceLeave(): void;
  gracePeriodStart(flavour: number): number;
  gracePeriodOver(flavour: number, target: number): number;
  contextSet(level: number, interruptsOff: number): void;
  contextEnter(level: number): number;
  contextLeave(below: number): void;
  interruptsCameOn(): number;
  workPending(): number;
  workThreadRuns(): number;
  setRealTime(value: number): void;
  setAdaptive(value: number): void;
  serveCpu(cpu: number): number;
  timerTick(): void;
  setCurrentTask(record: number): void;
}

/** Layout constants the core exports (core/index.ts). */
const LAYOUT_NAMES = [
  "LAYOUT_VERSION",
  "superblockMaps",
  "epochWords",
  "superblockRealTime",
  "superblockCacheSets",
  "areaId",
  "areaOwner",
  "areaTask",
  "areaWork",
  "areaScanNext",
  "areaWorksRun",
  "mapKind",
  "mapNext",
  "mapElements",
  "mapValues",
  "mapStorage",
  "mapSupply",
  "mapFlags",
  "mapKeySize",
  "mapValueSize",
  "mapValueStride",
  "mapValueOffset",
  "mapCopyStride",
  "mapMaxEntries",
  "mapBucketMask",
  "mapDescription",
  "mapDescriptionBytes",
  "mapName",
  "mapNameBytes",
  "cacheBytes",
  "cacheFreeCount",
  "cacheLow",
  "cacheHigh",
  "cacheUnit",
  "cacheOwned",
  "cacheExtraCount",
  "cacheByGpCount",
  "cacheWaitingCount",
  "cacheWaitingTarget",
  "cacheRefills",
  "cacheTrims",
  "cacheReused",
  "cacheGracePeriods",
  "cacheWaitingAge",
  "cacheSurplus",
  "cacheSteals",
  "cacheNextSet",
  "cacheAccount",
  "cacheRcuCount",
  "cacheWaitingRcuCount",
  "cachePromised",
  "cacheInbox",
  "cacheMisses",
  "allocatorLimit",
  "allocatorRefused",
  "allocatorSize",
  "allocatorPerCpu",
  "allocatorLargest",
  "allocatorName",
  "allocatorCaches",
] as const;

export type Layout = Readonly<Record<(typeof LAYOUT_NAMES)[number], number>>;

export interface CoreInstance {
  readonly core: Core;
  readonly layout: Layout;
  /** Every exported function by name, as programs import them. */
  readonly functions: WebAssembly.Exports;
}

/** Where `npm run build` puts the core, seen from `src/arena` and from `dist/arena` alike. */
const CORE_URL = new URL("../../build/core.wasm", import.meta.url);

/** Compiles the core: from the file system on Node, over the network in a browser. */
export async function compileCore(): Promise<WebAssembly.Module> {
  if (CORE_URL.protocol !== "file:") return WebAssembly.compileStreaming(fetch(CORE_URL));
  const { readFile } = await import("node:fs/promises");
  try {
    return await WebAssembly.compile(await readFile(CORE_URL));
  } catch (cause) {
    throw new AnyctxError("BAD_ARENA", `Cannot load the core from ${CORE_URL.pathname}: run \`npm run build\``, {
      cause,
    });
  }
}

/** Makes this thread's instance on an arena's memory. */
export async function instantiateCore(module: WebAssembly.Module, memory: WebAssembly.Memory): Promise<CoreInstance> {
  let instance: WebAssembly.Instance;
  try {
    instance = await WebAssembly.instantiate(module, { env: { memory } });
  } catch (cause) {
    throw new AnyctxError("BAD_ARENA", "Cannot use this memory as an arena: it does not fit the core", { cause });
  }
  const layout: Record<string, number> = {};
  for (const name of LAYOUT_NAMES) {
    const value = instance.exports[name];
    if (!(value instanceof WebAssembly.Global)) throw new AnyctxError("BAD_ARENA", `The core exports no ${name}`);
    layout[name] = value.value;
  }
  return {
    core: instance.exports as unknown as Core,
    layout: layout as Layout,
    functions: instance.exports,
  };
}
