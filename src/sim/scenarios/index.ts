/** All scenarios. */
import type { Scenario } from "../scenario.ts";
import { allocFreeNmi } from "./alloc-free-nmi.ts";
import { crossCpuTrim } from "./cross-cpu-trim.ts";
import { destroyWithWork } from "./destroy-with-work.ts";
import { extraDrained } from "./extra-drained.ts";
import { freeRcu } from "./free-rcu.ts";
import { fullMap } from "./full-map.ts";
import { largeValues } from "./large-values.ts";
import { lateRaise } from "./late-raise.ts";
import { nmiInUpdate } from "./nmi-in-update.ts";
import { oneBucket } from "./one-bucket.ts";
import { outOfMemory } from "./out-of-memory.ts";
import { overflowingBucket } from "./overflowing-bucket.ts";
import { poolTwoCpus } from "./pool-two-cpus.ts";
import { preemptedAlloc } from "./preempted-alloc.ts";
import { readerAndTrim } from "./reader-and-trim.ts";
import { refillNmi } from "./refill-nmi.ts";
import { reusedSlot } from "./reused-slot.ts";
import { shortWayNmi } from "./short-way-nmi.ts";
import { sizes } from "./sizes.ts";
import { sleepableReader } from "./sleepable-reader.ts";
import { trimNmi } from "./trim-nmi.ts";
import { trimOnDemandNmi } from "./trim-on-demand-nmi.ts";
import { twoRefills } from "./two-refills.ts";

export const SCENARIOS: readonly Scenario[] = [
  allocFreeNmi,
  crossCpuTrim,
  destroyWithWork,
  extraDrained,
  freeRcu,
  fullMap,
  largeValues,
  lateRaise,
  nmiInUpdate,
  oneBucket,
  outOfMemory,
  overflowingBucket,
  poolTwoCpus,
  preemptedAlloc,
  readerAndTrim,
  refillNmi,
  reusedSlot,
  shortWayNmi,
  sizes,
  sleepableReader,
  trimNmi,
  trimOnDemandNmi,
  twoRefills,
];
