/**
 * Canaries: cores with one guard taken out. The machine has to find each of them within the smoke's budget, with the
 * scenario that the row names: a scenario that finds nothing in a broken core proves nothing about a whole one.
 */

import { ALLOC_CANARIES } from "./canaries/alloc.ts";
import { ARENA_CANARIES } from "./canaries/arena-pages.ts";
import type { Canary } from "./canaries/canary.ts";
import { DEATH_CANARIES } from "./canaries/death.ts";
import { INNER_CANARIES } from "./canaries/inner.ts";
import { LRU_CANARIES } from "./canaries/lru.ts";
import { MAP_CANARIES } from "./canaries/maps.ts";

export type { Canary, Edit } from "./canaries/canary.ts";

export const CANARIES: readonly Canary[] = [
  ...ALLOC_CANARIES,
  ...MAP_CANARIES,
  ...LRU_CANARIES,
  ...INNER_CANARIES,
  ...ARENA_CANARIES,
  ...DEATH_CANARIES,
];
