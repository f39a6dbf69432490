/** What `createMap` and `openMap` give, for the compiler: a map with what its kind can do. */
import type { Refused, RefusedExpiring } from "./capabilities.ts";
import type { ExpiringMap } from "./expiring.ts";
import type { MapType } from "./kinds.ts";
import type { ArenaMap } from "./map.ts";
import type { ValueOf } from "./options.ts";

/** A map of a kind. What it cannot do is of a type that cannot be called; of a kind that is not known nothing is left out. */
export type MapOf<T extends MapType, K, V> = ArenaMap<K, ValueOf<T, V>> & Refused<T>;

/** A map of a kind whose values expire. Of one that was opened `instanceof ExpiringMap` tells. */
export type ExpiringMapOf<T extends MapType, K, V> = MapOf<T, K, V> & ExpiringMap<K, ValueOf<T, V>> & RefusedExpiring;
