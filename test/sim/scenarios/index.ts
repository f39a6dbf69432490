/** All scenarios. */
import type { Scenario } from "../../../src/sim/scenario.ts";
import { allocFreeNmi } from "./alloc-free-nmi.ts";
import { arenaKilled, arenaSwept } from "./arena-pages.ts";
import { CHANGED_VALUES } from "./changed-values.ts";
import { CLEARS } from "./clear.ts";
import { CONTEXT_TABLE } from "./contexts.ts";
import { createDestroy } from "./create-destroy.ts";
import { crossCpuTrim } from "./cross-cpu-trim.ts";
import { destroyWithWork } from "./destroy-with-work.ts";
import { destroyedWithWaiting } from "./destroyed-with-waiting.ts";
import { drainKilled } from "./drain.ts";
import { extraDrained } from "./extra-drained.ts";
import { shortWayNmi } from "./fast-path-nmi.ts";
import { shortWayTwoCpus } from "./fast-path-two-cpus.ts";
import { freeRcu } from "./free-rcu.ts";
import { freeRcuNmi } from "./free-rcu-nmi.ts";
import { fullMap } from "./full-map.ts";
import { INNER_MAPS } from "./inner-maps.ts";
import { KILLED_IN_CONTROL } from "./killed-in-control.ts";
import { KILLED_IN_HASH } from "./killed-in-hash.ts";
import { KILLED_IN_OBJECTS } from "./killed-in-objects.ts";
import { largeValues } from "./large-values.ts";
import { lateRaise } from "./late-raise.ts";
import { lookupStays } from "./lookup-stays.ts";
import { LRU } from "./lru.ts";
import { nmiInUpdate } from "./nmi-in-update.ts";
import { oneBucket } from "./one-bucket.ts";
import { openDestroy } from "./open-destroy.ts";
import { ORDERED } from "./ordered.ts";
import { outOfMemory } from "./out-of-memory.ts";
import { overflowingBucket } from "./overflowing-bucket.ts";
import { percpuObjects } from "./percpu-objects.ts";
import { perfBufferKilled } from "./perf-buffer.ts";
import { poolTwoCpus } from "./pool-two-cpus.ts";
import { preemptedAlloc } from "./preempted-alloc.ts";
import { prefillNmi } from "./prefill-nmi.ts";
import { readerAndTrim } from "./reader-and-trim.ts";
import { recordsKilled } from "./records.ts";
import { refillNmi } from "./refill-nmi.ts";
import { reusedSlot } from "./reused-slot.ts";
import { RINGS } from "./rings.ts";
import { rtWorkThread } from "./rt-work-thread.ts";
import { SCANS } from "./scan-while-writing.ts";
import { segmentReturned } from "./segments.ts";
import { sizes } from "./sizes.ts";
import { sleepableReader } from "./sleepable-reader.ts";
import { TABLE_DEATHS } from "./table-deaths.ts";
import { TABLES } from "./tables.ts";
import { TRIES } from "./tries.ts";
import { trimNmi } from "./trim-nmi.ts";
import { trimOnDemandNmi } from "./trim-on-demand-nmi.ts";
import { TWO_DEATHS } from "./two-deaths.ts";
import { twoHelpers } from "./two-helpers.ts";
import { twoRefills } from "./two-refills.ts";
import { valueLocksKilled } from "./value-locks.ts";
import { VARIABLE } from "./variable.ts";
import { waitingBounded } from "./waiting-bounded.ts";

export const SCENARIOS: readonly Scenario[] = [
  allocFreeNmi,
  createDestroy,
  crossCpuTrim,
  destroyWithWork,
  destroyedWithWaiting,
  extraDrained,
  freeRcu,
  freeRcuNmi,
  fullMap,
  largeValues,
  lateRaise,
  lookupStays,
  nmiInUpdate,
  oneBucket,
  openDestroy,
  outOfMemory,
  overflowingBucket,
  percpuObjects,
  poolTwoCpus,
  preemptedAlloc,
  prefillNmi,
  readerAndTrim,
  recordsKilled,
  perfBufferKilled,
  valueLocksKilled,
  arenaKilled,
  arenaSwept,
  drainKilled,
  refillNmi,
  reusedSlot,
  rtWorkThread,
  ...SCANS,
  ...CLEARS,
  shortWayNmi,
  shortWayTwoCpus,
  segmentReturned,
  sizes,
  sleepableReader,
  trimNmi,
  trimOnDemandNmi,
  twoHelpers,
  twoRefills,
  waitingBounded,
  ...CHANGED_VALUES,
  ...CONTEXT_TABLE,
  ...KILLED_IN_HASH,
  ...TABLES,
  ...TABLE_DEATHS,
  ...KILLED_IN_OBJECTS,
  ...KILLED_IN_CONTROL,
  ...TWO_DEATHS,
  ...VARIABLE,
  ...RINGS,
  ...TRIES,
  ...ORDERED,
  ...LRU,
  ...INNER_MAPS,
];
