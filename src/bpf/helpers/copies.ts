/**
 * Objects for each CPU (`bpf_percpu_obj_new`): as many copies as there are CPUs, from an allocator of the arena's for such. What a program
 * has of one is no address of a copy: it is odd, so that nothing is accessed through it, and that a place for pointers tells it from other
 * objects. Readers may be at a copy that another CPU drops: it is used again after a grace period only.
 */
import { CONSTANTS } from "../../wasm/face.ts";
import { OWNERS } from "./callers.ts";
import type { Helper } from "./helper.ts";
import { SCALAR, WORD } from "./parameters/numbers.ts";
import { COPIED_TYPE, COPIES, OWN_COPIES } from "./parameters/objects.ts";
import { allocateObject, answerOf, cpuNumber, type ServiceCall } from "./service.ts";

const MARK = 1;
const LEFT = "an object for each CPU that is neither kept nor dropped";

/** Whether what a place keeps is an object for each CPU: an address of the kernel's is beyond all memory here. */
export function isCopies({ bytes }: ServiceCall, address: bigint): boolean {
  return (address & 1n) === 1n && address > CONSTANTS.SUPERBLOCK && address < BigInt(bytes.length);
}

/** The run has it, and is to drop it or to put it somewhere. */
export function ownCopies(call: ServiceCall, address: bigint): void {
  const object = Number(address);
  call.hold(object, LEFT, () => void call.host.core["objectFreeRcu"]?.(object - MARK));
}

/** The run gives it away. */
export function giveCopies(call: ServiceCall, address: bigint): void {
  if (!call.release(Number(address))) call.fail("it has no such object for each CPU");
}

function allocate(call: ServiceCall, type: bigint): bigint {
  const { bytes: size } = call.program.types.get(Number(type)) ?? call.fail(`the object has no type ${type}`);
  const { allocator } = call.host.copies?.() ?? call.fail("there is nothing to allocate from here");
  const found = allocateObject(call, allocator, size);
  if (found === 0) return 0n;
  const address = BigInt(found + MARK);
  ownCopies(call, address);
  return address;
}

function drop(call: ServiceCall, address: bigint): number {
  giveCopies(call, address);
  call.host.core["objectFreeRcu"]?.(Number(address) - MARK);
  return 0;
}

/** A CPU's copy; 0 where there is no such CPU. Of what is no such object only a kernel knows. */
function copyOn(call: ServiceCall, address: bigint, cpu: number): bigint {
  if (!isCopies(call, address)) return answerOf(call, "a variable of the kernel's");
  const { core, copies } = call.host;
  if (cpu >= (copies?.().cpus ?? 0)) return 0n;
  const object = Number(address) - MARK;
  const copy = Number(core["objectCopy"]?.(object, cpu) ?? 0) >>> 0;
  call.grant(copy, Number(core["objectSize"]?.(object) ?? 0), true);
  return BigInt(copy);
}

type Row = Omit<Helper, "id">;

export const COPY_FUNCTIONS: readonly Row[] = [
  {
    ...{ name: "bpf_percpu_obj_new_impl", callers: OWNERS, parameters: [COPIED_TYPE, SCALAR], result: "u64" },
    action: { type: "service", run: allocate },
    leads: { type: "copies", of: "type" },
    doc: "An object of one of the program's own types for each CPU, all zeroes, or 0 where its context finds no memory.",
  },
  {
    ...{ name: "bpf_percpu_obj_drop_impl", callers: OWNERS, parameters: [OWN_COPIES, SCALAR], result: "none" },
    action: { type: "service", run: drop },
    doc: "Gives an object for each CPU back.",
  },
];

export const COPY_HELPERS: readonly Helper[] = [
  {
    ...{ id: 153, name: "per_cpu_ptr", parameters: [COPIES, WORD], result: "u64" },
    action: { type: "service", run: copyOn },
    leads: { type: "copy", always: false },
    doc: "The address of a CPU's copy of an object, or 0 where there is no such CPU; of a variable of the kernel's a run is stopped here without an answer.",
  },
  {
    ...{ id: 154, name: "this_cpu_ptr", parameters: [COPIES], result: "u64" },
    action: { type: "service", run: (call, address: bigint) => copyOn(call, address, cpuNumber(call)) },
    leads: { type: "copy", always: true },
    doc: "The address of the current CPU's copy of an object; of a variable of the kernel's a run is stopped here without an answer.",
  },
];
