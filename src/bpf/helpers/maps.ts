/** Helpers on maps. */
import { ERRNO } from "../../error.ts";
import type { MapType } from "../../maps/map-kind.ts";
import { LAYOUT } from "../../wasm/face.ts";
import type { LinkedMap } from "../linked.ts";
import type { Helper } from "./helper.ts";
import { CALLBACK, CALLBACK_CONTEXT } from "./parameters/callback.ts";
import { KEY, MAP, ROOM, VALUE } from "./parameters/maps.ts";
import { SIZE, TEXT } from "./parameters/memory.ts";
import { FLAGS, RECORD_SIZE, SCALAR, WORD } from "./parameters/numbers.ts";
import { RECORD_ADDRESS } from "./parameters/records.ts";
import { coreFunction, mapFunction, type ServiceCall, withRoom } from "./service.ts";

/** Bytes of entries that are copied out at once while they are gone through. */
const SCAN_BYTES = 65536;

/** Keys of a map's entries, as they are found now. */
function keysOf(call: ServiceCall, { address, kind, keySize, maxEntries }: LinkedMap): Uint8Array[] {
  if (kind.keys === "index")
    return Array.from({ length: maxEntries }, (_, index) => new Uint8Array(Uint32Array.of(index).buffer));
  const { mapScan, mapEntryBytes, currentArea } = call.host.core;
  if (kind.walk !== "places" || !mapScan || !mapEntryBytes || !currentArea)
    return call.fail(`entries of a map of kind ${kind.type} cannot be gone through here`);
  const entry = Number(mapEntryBytes(address));
  return withRoom(call, SCAN_BYTES, (room) => {
    const keys: Uint8Array[] = [];
    let from = 0;
    do {
      const count = Number(mapScan(address, from, room, SCAN_BYTES));
      if (count < 0) return call.fail(`the entries cannot be gone through: ${count}`);
      for (let index = 0; index < count; index++)
        keys.push(call.bytes.slice(room + index * entry, room + index * entry + keySize));
      from = call.view.getUint32((Number(currentArea()) >>> 0) + LAYOUT.CpuArea.scanNext, true);
    } while (from !== 0);
    return keys;
  });
}

const GONE_THROUGH: readonly MapType[] = [
  ...(["hash", "percpu_hash", "lru_hash", "lru_percpu_hash", "array", "percpu_array"] as const),
];
/** Who goes through a map that makes room has not used its entries. */
const UNUSED_LOOKUPS: Readonly<Partial<Record<MapType, "hashLookup" | "percpuHashLookup">>> = {
  lru_hash: "hashLookup",
  lru_percpu_hash: "percpuHashLookup",
};

/** `bpf_for_each_map_elem`: the callback gets map, key, value and the given context; not 0 ends it. */
function forEachElement(call: ServiceCall, address: number, slot: bigint, context: bigint, flags: bigint): number {
  const map = call.mapAt(address);
  if (flags !== 0n || !GONE_THROUGH.includes(map.kind.type)) return -ERRNO.EINVAL;
  const unused = UNUSED_LOOKUPS[map.kind.type];
  const find = unused === undefined ? mapFunction(call, map, "lookup") : coreFunction(call, unused);
  return withRoom(call, Math.max(8, map.keySize), (room) => {
    call.grant(room, map.keySize, false);
    let count = 0;
    for (const key of keysOf(call, map)) {
      call.bytes.set(key, room);
      const value = Number(find(address, room)) >>> 0;
      // It was there a moment ago.
      if (value === 0) continue;
      call.grant(value, map.valueStride, !map.readOnly);
      count++;
      if (call.callback(slot, BigInt(address), BigInt(room), BigInt(value), context) !== 0n) break;
    }
    return count;
  });
}

export const MAP_HELPERS: readonly Helper[] = [
  {
    id: 1,
    name: "map_lookup_elem",
    takesPacket: true,
    parameters: [MAP, KEY],
    action: { type: "map", role: "lookup" },
    result: "value",
    doc: "The address of the value under the key, or 0.",
  },
  {
    id: 2,
    name: "map_update_elem",
    takesPacket: true,
    parameters: [MAP, KEY, VALUE, FLAGS],
    action: { type: "map", role: "update" },
    result: "i32",
    doc: "Stores a value under the key; 0 or -errno.",
  },
  {
    id: 3,
    name: "map_delete_elem",
    takesPacket: true,
    parameters: [MAP, KEY],
    action: { type: "map", role: "delete" },
    result: "i32",
    doc: "Removes the key and its value; 0 or -errno.",
  },
  {
    id: 87,
    name: "map_push_elem",
    takesPacket: true,
    parameters: [MAP, VALUE, FLAGS],
    action: { type: "map", role: "push" },
    result: "i32",
    doc: "Adds a value to a queue, a stack or a bloom filter; 0 or -errno.",
  },
  {
    id: 88,
    name: "map_pop_elem",
    parameters: [MAP, ROOM],
    action: { type: "map", role: "pop" },
    result: "i32",
    doc: "Takes a value off a queue or a stack; -ENOENT and zeroes if there is none.",
  },
  {
    id: 89,
    name: "map_peek_elem",
    parameters: [MAP, ROOM],
    action: { type: "map", role: "peek" },
    result: "i32",
    doc: "As map_pop_elem, but the value stays; of a bloom filter whether the value may be in it.",
  },
  {
    id: 130,
    name: "ringbuf_output",
    parameters: [MAP, TEXT, SIZE, FLAGS],
    action: { type: "map", role: "output" },
    result: "i32",
    doc: "Copies size bytes into a ring buffer as a record; 0, -EINVAL, or -EAGAIN if there is no room.",
  },
  {
    id: 131,
    name: "ringbuf_reserve",
    parameters: [MAP, RECORD_SIZE, FLAGS],
    action: { type: "map", role: "reserve" },
    result: "record",
    doc: "The address of a record of so many bytes, to be filled and then submitted or discarded, or 0 if there is no room.",
  },
  {
    id: 132,
    name: "ringbuf_submit",
    parameters: [RECORD_ADDRESS, WORD],
    action: { type: "core", name: "ringbufSubmit" },
    result: "none",
    doc: "Gives a reserved record to the consumer.",
  },
  {
    id: 133,
    name: "ringbuf_discard",
    parameters: [RECORD_ADDRESS, WORD],
    action: { type: "core", name: "ringbufDiscard" },
    result: "none",
    doc: "Gives a reserved record up: no consumer sees it.",
  },
  {
    id: 134,
    name: "ringbuf_query",
    parameters: [MAP, FLAGS],
    action: { type: "map", role: "query" },
    result: "u64",
    doc: "Bytes that are not consumed, the buffer's size, or the consumer's or the producers' position.",
  },
  {
    id: 164,
    name: "for_each_map_elem",
    maps: GONE_THROUGH,
    parameters: [MAP, CALLBACK, CALLBACK_CONTEXT, SCALAR],
    calls: { arguments: ["map", "key", "value", { register: 3 }], result: [0, 1] },
    action: { type: "service", run: forEachElement },
    result: "i64",
    doc: "Calls a function with each entry of a hash or an array, until it answers other than 0; how many it was called with, or -EINVAL.",
  },
  {
    id: 195,
    name: "map_lookup_percpu_elem",
    parameters: [MAP, KEY, WORD],
    action: { type: "map", role: "lookupOn" },
    result: "value",
    doc: "The address of a CPU's value under the key, or 0; also where there is no such CPU.",
  },
];
