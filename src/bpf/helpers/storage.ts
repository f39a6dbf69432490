/** Local storage: values that belong to tasks, sockets, inodes and cgroups, by their addresses. */
import { ERRNO } from "../../error.ts";
import { CONSTANTS } from "../../wasm/face.ts";
import { ADDRESSES, type Caller, OPTIONS, TYPED } from "./callers.ts";
import type { Helper } from "./helper.ts";
import { CGROUP, SOCKET, TASK } from "./parameters/kernel.ts";
import { MAP, VALUE_OR_NULL } from "./parameters/maps.ts";
import { SOURCE } from "./parameters/memory.ts";
import { SCALAR } from "./parameters/numbers.ts";
import type { ParameterKind } from "./parameters/parameter-kind.ts";
import { mapFunction, type ServiceCall, withRoom } from "./service.ts";

/** BPF_LOCAL_STORAGE_GET_F_CREATE */
const CREATE = 1n;
const OWNER_BYTES = 8;

/** The owner's value, made of `first` (0: zeroes) where there is none and the flags say so; 0. */
function get(call: ServiceCall, address: number, owner: bigint, first: number, flags: bigint): number {
  if (owner === 0n || (flags & ~CREATE) !== 0n) return 0;
  const map = call.mapAt(address);
  const [find, make] = [mapFunction(call, map, "owned"), mapFunction(call, map, "own")];
  const { valueStride } = map;
  return withRoom(call, OWNER_BYTES + valueStride, (room) => {
    call.view.setBigUint64(room, owner, true);
    let value = Number(find(address, room)) >>> 0;
    if (value === 0 && flags === CREATE) {
      make(address, room, first === 0 ? room + OWNER_BYTES : first, CONSTANTS.NOEXIST);
      // Another CPU may have been first: its value is as good.
      value = Number(find(address, room)) >>> 0;
    }
    if (value !== 0) call.grant(value, valueStride, true);
    return value;
  });
}

function remove(call: ServiceCall, address: number, owner: bigint): number {
  if (owner === 0n) return -ERRNO.EINVAL;
  const drop = mapFunction(call, call.mapAt(address), "disown");
  return withRoom(call, OWNER_BYTES, (room) => {
    call.view.setBigUint64(room, owner, true);
    return Number(drop(address, room)) | 0;
  });
}

type Callers = readonly Caller[];
const SOCKETS: Callers = [
  ...(["sched_cls", "cgroup_skb", "sock_ops", "sk_msg", "struct_ops"] as const),
  ...[...ADDRESSES, ...OPTIONS, ...TYPED],
];
/** Whose programs have values of sockets and inodes, and remove them: those that make a socket do not. */
const CALLERS: Readonly<Record<string, readonly [get: Callers, remove: Callers]>> = {
  sk: [[...SOCKETS, "cgroup_sock"], SOCKETS],
  inode: [["lsm"], ["lsm"]],
};

type Owner = "task" | "sk" | "inode" | "cgrp";

/** The two helpers of a kind of owners: numbers, whose they are, and how the owner is passed. */
function pair(ids: readonly [get: number, remove: number], whose: Owner, owner: ParameterKind): Helper[] {
  const maps = [`${whose}_storage` as const];
  const [getters, removers] = CALLERS[whose] ?? [];
  const of = { sk: "socket", cgrp: "cgroup", task: "task", inode: "inode" }[whose];
  return [
    {
      ...{ id: ids[0], name: `${whose}_storage_get`, maps, parameters: [MAP, owner, VALUE_OR_NULL, SCALAR] },
      ...(getters && { callers: getters }),
      ...{ action: { type: "service", run: get }, result: "value" },
      doc: `The address of the value that belongs to the ${of}, made of the given one where there is none and the flags are 1; or 0.`,
    },
    {
      ...{ id: ids[1], name: `${whose}_storage_delete`, maps, parameters: [MAP, owner] },
      ...(removers && { callers: removers }),
      ...{ action: { type: "service", run: remove }, result: "i32" },
      doc: `Removes the value that belongs to the ${of}; 0, -ENOENT or -EINVAL.`,
    },
  ];
}

export const STORAGE_HELPERS: readonly Helper[] = [
  ...pair([107, 108], "sk", SOCKET),
  ...pair([145, 146], "inode", SOURCE),
  ...pair([156, 157], "task", TASK),
  ...pair([210, 211], "cgrp", CGROUP),
];
