/** The object that a map is for TypeScript, by what its values are. */
import type { Codec } from "./codec/accessor.ts";
import { isExpiring } from "./codec/expiring.ts";
import type { OpenMap } from "./entries.ts";
import { ExpiringMap } from "./expiring.ts";
import type { MapHost } from "./host.ts";
import { ArenaMap } from "./map.ts";

export function makeMap<K, V>(host: MapHost, open: OpenMap, key: Codec<K>, value: Codec<V>): ArenaMap<K, V> {
  const Made = isExpiring(value.description) ? ExpiringMap : ArenaMap;
  return new Made(host, open, key, value);
}
