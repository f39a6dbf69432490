/**
 * Kernel functions (kfuncs) that programs call by name. They have no numbers in Linux's uapi, so they have numbers of our own beyond
 * those of helpers: linking puts them into the calls, and the engines know no difference.
 */
import { ERRNO } from "../../error.ts";
import { CALL, type Instruction } from "../isa/instructions.ts";
import { SK_BUFF, XDP_MD } from "../programs/packet-struct.ts";
import { ARENA_FUNCTIONS } from "./arena.ts";
import { OWNERS, PACKET_WRITERS, ROUTES } from "./callers.ts";
import { COPY_FUNCTIONS } from "./copies.ts";
import { fits, readDynptr, writeDynptr } from "./dynptr.ts";
import type { Helper } from "./helper.ts";
import { OBJECT_FUNCTIONS } from "./objects.ts";
import { packetOf } from "./packet.ts";
import { CGROUP, OWN_CGROUP, OWN_TASK, TASK } from "./parameters/kernel.ts";
import { BUFFER_OR_NULL, CONTEXT, SIZE } from "./parameters/memory.ts";
import { SCALAR, WORD } from "./parameters/numbers.ts";
import {
  DYNPTR,
  DYNPTR_ROOM,
  ENDING_ITERATOR,
  INTERRUPTS,
  INTERRUPTS_ROOM,
  ITERATOR,
  ITERATOR_ROOM,
  PACKET_DYNPTR_ROOM,
} from "./parameters/stack-objects.ts";
import type { KernelThing } from "./rules.ts";
import { SECTION_FUNCTIONS } from "./sections.ts";
import { ProgramExit, type ServiceCall } from "./service.ts";
import { WORKQUEUE_FUNCTIONS } from "./timers.ts";
import { TRAPS } from "./traps.ts";

/** Above all helpers that Linux may ever have. */
const FIRST_ID = 0x10000;

/** BPF_MAX_LOOPS of Linux. */
const MOST_LOOPS = 1 << 23;

/** The iterator over numbers: the one before the next, and the end, as i32. */
function newNumbers({ view }: ServiceCall, at: number, from: number, to: number): number {
  const [begin, end] = [from | 0, to | 0];
  const result = begin > end ? -ERRNO.EINVAL : end - begin > MOST_LOOPS ? -ERRNO.E2BIG : 0;
  view.setInt32(at, result === 0 ? begin - 1 : 0, true);
  view.setInt32(at + 4, result === 0 ? end : 0, true);
  return result;
}

function nextNumber({ view }: ServiceCall, at: number): number {
  // The one before the least number is the greatest.
  const next = (view.getInt32(at, true) + 1) | 0;
  if (next >= view.getInt32(at + 4, true)) {
    view.setBigUint64(at, 0n, true);
    return 0;
  }
  view.setInt32(at, next, true);
  return at;
}

function endNumbers({ view }: ServiceCall, at: number): number {
  view.setBigUint64(at, 0n, true);
  return 0;
}

/** Nothing preempts a program on its thread. */
const nothing = (): number => 0;

function saveInterrupts({ view }: ServiceCall, at: number): number {
  view.setBigUint64(at, 0n, true);
  return 0;
}

function adjust(call: ServiceCall, at: number, start: number, end: number): number {
  const from = readDynptr(call, at);
  if (from === undefined || start > end) return -ERRNO.EINVAL;
  if (start > from.size || end > from.size) return -ERRNO.ERANGE;
  const before = (from.before ?? 0) + start;
  writeDynptr(call, at, { ...from, address: from.address + start, before, size: end - start });
  return 0;
}

function clone(call: ServiceCall, at: number, into: number): number {
  const from = readDynptr(call, at);
  writeDynptr(call, into, from);
  return from === undefined ? -ERRNO.EINVAL : 0;
}

/** Everything lies in one piece here: the slice is the memory itself, and the room for a copy is not used. */
function slice(call: ServiceCall, at: number, offset: number, bytes: number, mayWrite: boolean): number {
  const from = readDynptr(call, at);
  if (from === undefined || !fits(from, offset, bytes) || (mayWrite && from.readOnly)) return 0;
  call.grant(from.address + offset, bytes, mayWrite);
  return from.address + offset;
}

function ofPacket(call: ServiceCall, flags: bigint, into: number): number {
  writeDynptr(call, into, undefined);
  if (flags !== 0n) return -ERRNO.EINVAL;
  const { begin, end, struct } = packetOf(call);
  // Only programs of traffic control change a packet through it, and those of XDP.
  const readOnly = struct === SK_BUFF && call.program.kind.type !== "sched_cls";
  writeDynptr(call, into, { address: begin, size: end - begin, readOnly, isPacket: true });
  return struct === SK_BUFF || struct === XDP_MD ? 0 : -ERRNO.EINVAL;
}

type Row = Omit<Helper, "id">;

const ROWS: readonly Row[] = [
  {
    name: "bpf_rdonly_cast",
    parameters: [SCALAR, WORD],
    action: { type: "service", run: (_, address: bigint) => address },
    leads: { type: "anywhere" },
    result: "u64",
    doc: "The address that it is given, to be read as a struct of the kernel's: of what is not there zeroes are read.",
  },
  {
    name: "bpf_cast_to_kern_ctx",
    parameters: [CONTEXT],
    action: { type: "unknown", what: "the kernel's own struct of the context" },
    leads: { type: "anywhere" },
    result: "u64",
    doc: "The address of what the kernel has as the context, which no event says: a run is stopped here without an answer.",
  },
  {
    name: "bpf_throw",
    callers: OWNERS,
    parameters: [SCALAR],
    action: {
      type: "service",
      run: (_, cookie: bigint) => {
        throw new ProgramExit(cookie);
      },
    },
    final: "exit",
    result: "none",
    doc: "Ends the whole program with a number, from whatever function.",
  },
  {
    name: "bpf_iter_num_new",
    parameters: [ITERATOR_ROOM, WORD, WORD],
    underLock: true,
    action: { type: "service", run: newNumbers },
    result: "i32",
    doc: "Begins an iteration over numbers from one to before another; 0, -EINVAL or -E2BIG.",
  },
  {
    name: "bpf_iter_num_next",
    parameters: [ITERATOR],
    action: { type: "service", run: nextNumber },
    leads: { type: "memory", what: "a number of an iterator", bytes: 4, writable: false, of: "iterator" },
    underLock: true,
    result: "address",
    doc: "The address of the next number, or 0.",
  },
  {
    name: "bpf_iter_num_destroy",
    parameters: [ENDING_ITERATOR],
    action: { type: "service", run: endNumbers },
    underLock: true,
    result: "none",
    doc: "Ends an iteration.",
  },
  ...SECTION_FUNCTIONS,
  {
    name: "bpf_local_irq_save",
    parameters: [INTERRUPTS_ROOM],
    action: { type: "service", run: saveInterrupts },
    result: "none",
    doc: "Switches interrupts off: none comes in the middle of a run.",
  },
  {
    name: "bpf_local_irq_restore",
    parameters: [INTERRUPTS],
    action: { type: "service", run: nothing },
    result: "none",
    doc: "Switches interrupts on again.",
  },
  {
    name: "bpf_dynptr_adjust",
    parameters: [DYNPTR, WORD, WORD],
    action: { type: "service", run: adjust },
    result: "i32",
    doc: "Makes a dynptr lead to a part of what it led to; 0, -EINVAL, or -ERANGE beyond its end.",
  },
  {
    name: "bpf_dynptr_is_null",
    parameters: [DYNPTR],
    action: { type: "service", run: (call, at: number) => (readDynptr(call, at) === undefined ? 1 : 0) },
    result: "u32",
    doc: "Whether a dynptr leads to nothing.",
  },
  {
    name: "bpf_dynptr_is_rdonly",
    parameters: [DYNPTR],
    action: { type: "service", run: (call, at: number) => (readDynptr(call, at)?.readOnly === true ? 1 : 0) },
    result: "u32",
    doc: "Whether what a dynptr leads to can only be read.",
  },
  {
    name: "bpf_dynptr_size",
    parameters: [DYNPTR],
    action: { type: "service", run: (call, at: number) => readDynptr(call, at)?.size ?? -ERRNO.EINVAL },
    result: "u32",
    doc: "Bytes that a dynptr leads to; -EINVAL where it leads to nothing.",
  },
  {
    name: "bpf_dynptr_clone",
    parameters: [DYNPTR, DYNPTR_ROOM],
    action: { type: "service", run: clone },
    result: "i32",
    doc: "Makes a second dynptr to the same; 0, or -EINVAL where it leads to nothing.",
  },
  {
    name: "bpf_dynptr_slice",
    parameters: [DYNPTR, WORD, BUFFER_OR_NULL, SIZE],
    action: {
      type: "service",
      run: (call, at: number, offset: number, _: number, bytes: number) => slice(call, at, offset, bytes, false),
    },
    leads: { type: "memory", what: "what a dynptr leads to", bytes: { argument: 4 }, writable: false, of: "dynptr" },
    result: "address",
    doc: "The address of bytes that a dynptr leads to, to be read, or 0 beyond its end.",
  },
  {
    name: "bpf_dynptr_slice_rdwr",
    callers: PACKET_WRITERS,
    parameters: [DYNPTR, WORD, BUFFER_OR_NULL, SIZE],
    action: {
      type: "service",
      run: (call, at: number, offset: number, _: number, bytes: number) => slice(call, at, offset, bytes, true),
    },
    leads: { type: "memory", what: "what a dynptr leads to", bytes: { argument: 4 }, writable: true, of: "dynptr" },
    result: "address",
    doc: "The same, to be written too; 0 of what can only be read.",
  },
  {
    name: "bpf_dynptr_from_skb",
    callers: ["socket_filter", "sched_cls", "cgroup_skb", "sk_skb", ...ROUTES],
    parameters: [CONTEXT, SCALAR, PACKET_DYNPTR_ROOM],
    action: { type: "service", run: (call, _: number, flags: bigint, into: number) => ofPacket(call, flags, into) },
    result: "i32",
    doc: "Makes a dynptr to the packet; 0 or -EINVAL.",
  },
  {
    name: "bpf_dynptr_from_xdp",
    callers: ["xdp"],
    parameters: [CONTEXT, SCALAR, PACKET_DYNPTR_ROOM],
    action: { type: "service", run: (call, _: number, flags: bigint, into: number) => ofPacket(call, flags, into) },
    result: "i32",
    doc: "Makes a dynptr to the packet; 0 or -EINVAL.",
  },
  ...(
    [
      ["task", TASK, OWN_TASK],
      ["cgroup", CGROUP, OWN_CGROUP],
    ] as const
  ).flatMap(([what, thing, own]): Row[] => [
    {
      ...{ name: `bpf_${what}_acquire`, callers: OWNERS, parameters: [thing], result: "u64" },
      action: { type: "service", run: (_, address: bigint) => address },
      leads: { type: "kernel", what, owned: true },
      doc: `Keeps a ${what} from going away, which none does during a run; its address.`,
    },
    {
      ...{ name: `bpf_${what}_release`, callers: OWNERS, parameters: [own], result: "none" },
      action: { type: "service", run: nothing },
      doc: `Lets a ${what} go.`,
    },
  ]),
  {
    ...{ name: "bpf_cgroup_ancestor", callers: OWNERS, parameters: [CGROUP, WORD], result: "u64" },
    action: { type: "unknown", what: "the cgroup that another one is in" },
    leads: { type: "kernel", what: "cgroup", owned: true },
    doc: "The address of the cgroup that another one is in, at a level: a run is stopped here without an answer.",
  },
  {
    ...{ name: "bpf_task_under_cgroup", callers: OWNERS, parameters: [TASK, CGROUP], result: "i64" },
    action: { type: "unknown", what: "whether a task is in a cgroup" },
    doc: "Whether a task is in a cgroup or in one below it: a run is stopped here without an answer.",
  },
  ...(
    [
      ["bpf_task_from_pid", "task"],
      ["bpf_task_from_vpid", "task"],
      ["bpf_cgroup_from_id", "cgroup"],
    ] as const
  ).map(
    ([name, what]): Row => ({
      ...{ name, callers: OWNERS, parameters: [SCALAR] },
      action: { type: "unknown", what: `a ${what} by its number` },
      leads: { type: "kernel", what: what satisfies KernelThing, owned: true },
      result: "u64",
      doc: `The address of a ${what} by its number, which no event says: a run is stopped here without an answer.`,
    }),
  ),
];

export const KERNEL_FUNCTIONS: readonly Helper[] = [
  ...TRAPS,
  ...ROWS,
  ...OBJECT_FUNCTIONS,
  ...COPY_FUNCTIONS,
  ...ARENA_FUNCTIONS,
  ...WORKQUEUE_FUNCTIONS,
].map((row, index) => ({
  ...row,
  id: FIRST_ID + index,
}));

function callOf(name: string): Instruction {
  return { code: CALL, dst: 0, src: 0, offset: 0, imm: KERNEL_FUNCTIONS.find((row) => row.name === name)?.id ?? 0 };
}

/** What stands where a kernel has no such function or field. */
export const TRAP: Instruction = callOf("bpf_trap");
/** What stands where r10 is written to. */
export const FRAME_POINTER_TRAP: Instruction = callOf("bpf_frame_pointer_written");
