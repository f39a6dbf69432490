/** Helpers that ask about the current task, or the CPU. */
import { ERRNO } from "../../error.ts";
import { RECORD } from "../../events/record.ts";
import { hostAnswer } from "../host.ts";
import { taskAddress } from "../kernel/addresses.ts";
import type { Helper } from "./helper.ts";
import { MAP } from "./parameters/maps.ts";
import { DESTINATION, POSITIVE_SIZE } from "./parameters/memory.ts";
import { SCALAR, WORD } from "./parameters/numbers.ts";
import { recordOf, type ServiceCall } from "./service.ts";

/** An address of the event's task of its own: what the recording tells of the task lies there, or nothing. */
function currentTask(call: ServiceCall): bigint {
  const given = hostAnswer(call.host, "get_current_task", []);
  const record = recordOf(call);
  const { view } = call;
  return given ?? taskAddress(view.getUint32(record + RECORD.pidTgid, true), view.getUint16(record + RECORD.cpu, true));
}

function underCgroup(call: ServiceCall, address: number, index: number): number {
  return index >= call.mapAt(address).maxEntries ? -ERRNO.E2BIG : -ERRNO.EAGAIN;
}

const NAMESPACE_BYTES = 8;

/** `bpf_get_ns_current_pid_tgid`: which namespace a number is of no event says, but that it is the event's own. */
function pidInNamespace(call: ServiceCall, device: bigint, _inode: bigint, into: number, size: number): number {
  call.bytes.fill(0, into, into + size);
  if (size !== NAMESPACE_BYTES) return -ERRNO.EINVAL;
  if (device !== BigInt.asUintN(32, device)) return -ERRNO.EINVAL;
  const record = recordOf(call);
  call.view.setUint32(into, call.view.getUint32(record + RECORD.pidTgid, true), true);
  call.view.setUint32(into + 4, call.view.getUint32(record + RECORD.pidTgid + 4, true), true);
  return 0;
}

export const TASK_HELPERS: readonly Helper[] = [
  {
    id: 7,
    name: "get_prandom_u32",
    parameters: [],
    action: { type: "random" },
    result: "u32",
    doc: "A pseudo-random number of 32 bits.",
  },
  {
    id: 8,
    name: "get_smp_processor_id",
    parameters: [],
    action: { type: "cpu" },
    result: "u32",
    doc: "The number of the current CPU.",
  },
  {
    id: 14,
    name: "get_current_pid_tgid",
    parameters: [],
    action: { type: "record", offset: RECORD.pidTgid, bytes: 8 },
    result: "u64",
    doc: "Returns tgid << 32 | pid of the event's task.",
  },
  {
    id: 15,
    name: "get_current_uid_gid",
    parameters: [],
    action: { type: "record", offset: RECORD.uidGid, bytes: 8 },
    result: "u64",
    doc: "Returns gid << 32 | uid of the event's task.",
  },
  {
    id: 16,
    name: "get_current_comm",
    parameters: [DESTINATION, POSITIVE_SIZE],
    action: { type: "core", name: "taskComm" },
    result: "i32",
    doc: "Copies the name of the event's task, NUL padded to size.",
  },
  {
    id: 35,
    name: "get_current_task",
    parameters: [],
    action: { type: "service", run: currentTask },
    result: "u64",
    doc: "An address that stands for the event's task: a recording's events say what can be read there, or who gives memory.",
  },
  {
    id: 37,
    name: "current_task_under_cgroup",
    maps: ["cgroup_array"],
    parameters: [MAP, WORD],
    action: { type: "service", run: underCgroup },
    result: "i32",
    doc: "Whether the event's task is in a cgroup: -EAGAIN, as for a place where none is; -E2BIG beyond the map's places.",
  },
  {
    id: 42,
    name: "get_numa_node_id",
    parameters: [],
    action: { type: "unknown", what: "the NUMA node of the CPU" },
    result: "u32",
    doc: "The NUMA node of the current CPU, which no event says: a run is stopped here without an answer.",
  },
  {
    id: 80,
    name: "get_current_cgroup_id",
    parameters: [],
    action: { type: "unknown", what: "the cgroup of the event's task" },
    result: "u64",
    doc: "The cgroup of the event's task, which no event says: a run is stopped here without an answer.",
  },
  {
    id: 109,
    name: "send_signal",
    parameters: [WORD],
    action: { type: "unknown", what: "whether the event's task takes a signal" },
    result: "i32",
    doc: "Sends the event's task a signal: whether it takes it decides the answer, which no event says: a run is stopped here without an answer.",
  },
  {
    id: 117,
    name: "send_signal_thread",
    parameters: [WORD],
    action: { type: "unknown", what: "whether the event's task takes a signal" },
    result: "i32",
    doc: "As send_signal, to the thread alone: whether it takes it decides the answer, which no event says: a run is stopped here without an answer.",
  },
  {
    id: 120,
    name: "get_ns_current_pid_tgid",
    parameters: [SCALAR, SCALAR, DESTINATION, POSITIVE_SIZE],
    action: { type: "service", run: pidInNamespace },
    result: "i32",
    doc: "The event's pid and tgid, in whatever namespace is asked for; -EINVAL where the room is not 8 bytes.",
  },
  {
    id: 123,
    name: "get_current_ancestor_cgroup_id",
    parameters: [WORD],
    action: { type: "unknown", what: "the cgroup of the event's task" },
    result: "u64",
    doc: "An ancestor of the cgroup of the event's task, which no event says: a run is stopped here without an answer.",
  },
  {
    id: 158,
    name: "get_current_task_btf",
    parameters: [],
    action: { type: "service", run: currentTask },
    leads: { type: "kernel", what: "task", owned: false },
    result: "u64",
    doc: "As get_current_task.",
  },
];
