/** What has to hold of an access: that it stays inside of what its pointer leads into, whatever the numbers are that it may have. */

import type { KernelShape } from "../helpers/rules.ts";
import { FRAME_BYTES } from "../host.ts";
import type { SpecialField } from "../object/fields.ts";
import { readableBytes } from "../programs/readable.ts";
import { type Access, checkAlike, checkArena, describeAccess } from "./apart.ts";
import { Refusal } from "./refusal.ts";
import {
  describe,
  describeScalar,
  isPacket,
  type PointerRegister,
  type Register,
  WITHOUT_MEMORY,
} from "./registers.ts";
import { isWritten, wordAt } from "./stack.ts";
import { objectsIn } from "./stack-objects.ts";
import type { State } from "./state.ts";
import { cameFrom, nameOf, type Subject } from "./subject.ts";
import { constantOf } from "./values/scalar.ts";

/** The least and the most that the offset may be, counted from the target's beginning. */
function reach({ offset, fixed }: PointerRegister, access: Access): readonly [least: bigint, most: bigint] {
  const by = BigInt(access.offset + fixed);
  return [offset.wide.smin + by, offset.wide.smax + by];
}

function outside(subject: Subject, access: Access, pointer: PointerRegister, size: number, of: string): never {
  const [least, most] = reach(pointer, access);
  const where = least === most ? `offset ${least}` : `an offset from ${least} to ${most}`;
  const name = nameOf(subject, access.register, pointer);
  const message = `${describeAccess(access)} at ${where} of ${of}, which has ${size} bytes (${name})`;
  const unknown = least !== most;
  const suggestion = unknown
    ? `Compare the offset or index first, so that it is at most ${Math.max(0, size - access.bytes)} bytes on every path here.`
    : `Only offsets from 0 to ${size - access.bytes} can be accessed with ${access.bytes} bytes.`;
  throw new Refusal("bounds", access.at, message, suggestion, origins(pointer, of));
}

function origins({ origin }: PointerRegister, of: string): { at: number; what: string }[] {
  return origin < 0 ? [] : [{ at: origin, what: `the pointer to ${of} comes from here` }];
}

function inside(subject: Subject, access: Access, pointer: PointerRegister, size: number, of: string): void {
  const [least, most] = reach(pointer, access);
  if (least < 0n || most + BigInt(access.bytes) > BigInt(size)) outside(subject, access, pointer, size, of);
}

function aligned(access: Access, { offset, fixed }: PointerRegister): void {
  const { value, mask } = offset.wide;
  const low = BigInt(access.bytes - 1);
  if (((value + BigInt(access.offset + fixed)) & low) === 0n && (mask & low) === 0n) return;
  const message = `${describeAccess(access)} at an offset that may not be a multiple of ${access.bytes}`;
  throw new Refusal("alignment", access.at, message, `Access it at a multiple of ${access.bytes}, or byte by byte.`);
}

/** What several threads may access at a time: the stack, values and records, at multiples of the size. */
function checkAtomic(access: Access, register: PointerRegister): void {
  const { type } = register.target;
  if (register.target.type === "memory" && !register.target.aligned) {
    const message = `${describeAccess(access)} of ${describe(register)}, which may begin anywhere, atomically or in order`;
    throw new Refusal("alignment", access.at, message, "Do it in a map's value, in a record or on the stack.");
  }
  if (type === "stack" || type === "value" || type === "memory" || type === "object") {
    aligned(access, register);
    return;
  }
  const message = `${describeAccess(access)} of ${describe(register)} atomically or in order`;
  throw new Refusal("alignment", access.at, message, "Load it, and store it, as it is: nobody else accesses it.");
}

function checkStack(subject: Subject, state: State, access: Access, pointer: PointerRegister): void {
  const { target } = pointer;
  if (target.type !== "stack") return;
  const [least, most] = reach(pointer, access);
  if (least < -FRAME_BYTES || most + BigInt(access.bytes) > 0n) {
    const where = least === most ? `${least}` : `${least}..${most}`;
    const message = `${describeAccess(access)} at ${where} from the top of the stack, of which a function has ${FRAME_BYTES} bytes below it`;
    throw new Refusal("bounds", access.at, message, "Compare the index of the array first, or make the array larger.");
  }
  if (access.helper !== true) aligned(access, pointer);
  const { start = 0 } = state.frames[target.frame] ?? {};
  subject.stackDepths.set(start, Math.max(subject.stackDepths.get(start) ?? 0, Number(-least)));
  const [from, to] = [Number(least), Number(most) + access.bytes];
  const writes = access.does === "write";
  const [object] = writes && access.helper !== true ? [] : objectsIn(state, target.frame, from, to - from);
  if (object !== undefined) throw hidden(access, `${STACK_OBJECTS[object.kind]} on the stack`);
  if (writes) return;
  for (let word = wordAt(to - 1); to > from && word <= wordAt(from); word++) state.markRead(target.frame, word);
  if (subject.rules.readsUnwrittenStack || isWritten(state.frames[target.frame]?.stack ?? [], from, to - from)) return;
  const message = `${describeAccess(access)} of the stack at ${from} from its top, to which nothing was written before`;
  const suggestion = "Give the variable a value first; of a struct also its padding: `struct key key = {};`.";
  throw new Refusal("uninitialized", access.at, message, suggestion);
}

function checkPacketWrite({ type, program: { kind } }: Subject, access: Access): void {
  if (access.does === "read" || "reason" in kind || type?.packetReadOnly?.(kind.target) !== true) return;
  const message = `${describeAccess(access)} of the packet, which a program of type ${type.name} may only read here`;
  throw new Refusal("read-only", access.at, message, "Copy what is to be changed to a variable.");
}

const STACK_OBJECTS = { dynptr: "a dynptr", iterator: "an iterator", interrupts: "the state of interrupts" } as const;

/** What only its functions may look into. */
function hidden(access: Access, of: string): Refusal {
  const message = `${describeAccess(access)} of ${of}, which is used by its functions only`;
  return new Refusal("object", access.at, message, "Use the functions that are for it, and leave its bytes alone.");
}

/** Fields of values and objects that are no plain memory. */
const FIELDS: Readonly<Record<SpecialField["kind"], string>> = {
  lock: "a lock",
  timer: "a timer",
  workqueue: "a workqueue",
  list: "a list",
  tree: "a tree",
  listNode: "a list's node",
  treeNode: "a tree's node",
  references: "the number of references",
  pointer: "a pointer that is kept for others",
  unknown: "a field for which there are no functions here",
};

function checkFields(access: Access, pointer: PointerRegister, fields: readonly SpecialField[]): void {
  const [least, most] = reach(pointer, access);
  const found = fields.find(
    ({ offset, bytes }) => least < BigInt(offset + bytes) && most + BigInt(access.bytes) > BigInt(offset),
  );
  if (found === undefined) return;
  // What is kept there may be compared with NULL.
  const looks = access.does === "read" && access.helper !== true && found.kind === "pointer";
  if (looks && least === most && least === BigInt(found.offset) && access.bytes === found.bytes) return;
  throw hidden(access, `${found.name}, ${FIELDS[found.kind]}`);
}

function checkPacket(subject: Subject, access: Access, pointer: PointerRegister): void {
  checkPacketWrite(subject, access);
  const { offset, fixed, range, target } = pointer;
  const least = offset.wide.smin + BigInt(fixed + access.offset);
  const end = fixed + access.offset + access.bytes;
  if (least >= 0n && end <= range) return;
  const name = nameOf(subject, access.register, pointer);
  const known =
    range === 0 ? "which was not compared with its end" : `of which only ${range} bytes were compared with its end`;
  const message =
    least < 0n
      ? `${describeAccess(access)} before the beginning of ${cameFrom(subject, pointer)}`
      : `${describeAccess(access)} at offset ${fixed + access.offset} of ${cameFrom(subject, pointer)}, ${known} (${name})`;
  const edge = target.type === "packet" ? "data_end" : "data";
  const suggestion = `Compare first: if ((void *)pointer + ${end} > ${edge}) return ...;`;
  throw new Refusal("bounds", access.at, message, suggestion, origins(pointer, "the packet"));
}

/** A field of the context that is an address is loaded as one, or not at all. */
function checkAddressField({ addresses }: Subject, access: Access, at: number): void {
  const { bytes, signed = false } = access;
  const field = addresses.find((each) => at < each.offset + each.bytes && at + bytes > each.offset);
  if (field === undefined || (at === field.offset && bytes === field.bytes && !signed)) return;
  const message = `${describeAccess(access)} of the context at ${at}, where an address of ${field.bytes} bytes begins at ${field.offset}`;
  throw new Refusal("alignment", access.at, message, "Load the field as a whole, and without a sign.");
}

/** What a kernel shows of the context to programs of this type. */
function checkShown({ type, program: { kind } }: Subject, access: Access, at: number): void {
  const readable = "reason" in kind ? undefined : type?.context.access?.readable?.(kind.target);
  if (readable === undefined) return;
  const widths = readableBytes(readable, at, access.bytes);
  if (widths.includes(access.bytes)) return;
  const why =
    widths.length === 0
      ? `which programs of type ${type?.name} are not shown`
      : `which programs of type ${type?.name} read as ${widths.join(" or ")} bytes`;
  const message = `${describeAccess(access)} of the context at offset ${at}, ${why}`;
  throw new Refusal("context", access.at, message, "Do without the field, or read it as it is declared.");
}

function checkContext(subject: Subject, access: Access, pointer: PointerRegister): void {
  const moved = constantOf(pointer.offset);
  if (moved === undefined) {
    const message = `${describeAccess(access)} of the context at an offset that is not constant (${describeScalar(pointer.offset)})`;
    throw new Refusal("bounds", access.at, message, "Use constant offsets into the context.");
  }
  if (moved !== 0n && access.helper !== true) {
    const message = `${describeAccess(access)} through a pointer to the context that was moved by ${BigInt.asIntN(64, moved)} bytes`;
    throw new Refusal("context", access.at, message, "Access the field from the context as the program got it.");
  }
  const at = Number(BigInt.asIntN(64, moved)) + access.offset;
  const size = subject.contextBytes ?? MOST_CONTEXT;
  inside(subject, access, pointer, size, "the context");
  subject.contextRead = Math.max(subject.contextRead, at + access.bytes);
  if (subject.contextBytes === undefined) subject.proofs.readsContext(access.at, at + access.bytes);
  if (access.helper !== true && at % access.bytes !== 0) aligned(access, pointer);
  if (access.does === "read" && access.helper !== true) checkAddressField(subject, access, at);
  if (access.does === "read" && access.helper !== true) checkShown(subject, access, at);
  if (access.does === "read") return;
  checkContextWrite(subject, access, at);
}

function checkContextWrite({ type, program: { kind } }: Subject, access: Access, at: number): void {
  const fields = "reason" in kind ? [] : (type?.context.access?.writable?.(kind.target) ?? []);
  const field = fields.find(({ offset, bytes }) => at >= offset && at < offset + bytes);
  const isWritable = access.does === "write" && field !== undefined;
  const widths = field?.widths ?? [field?.bytes];
  // A helper writes as many bytes as it likes, where single ones may be written.
  const isWide = widths.includes(access.helper === true ? 1 : access.bytes);
  if (isWritable && isWide && at + access.bytes <= field.offset + field.bytes) return;
  const where = `${describeAccess(access)} of the context at offset ${at}`;
  if (!isWritable) {
    const message = `${where}, which a program of type ${type?.name ?? "unknown"} may not write to`;
    throw new Refusal("context", access.at, message, "Keep it in a variable or in a map instead.");
  }
  const message = `${where}, where a field is written as ${widths.join(" or ")} bytes`;
  throw new Refusal("context", access.at, message, "Write the field as it is declared, as a whole.");
}

/** A context whose size only a run knows: as much as Linux allows. */
const MOST_CONTEXT = 8192;

function refusedNumber(access: Access, register: Register): Refusal {
  const name = `r${access.register}`;
  if (register.type === "nothing") return neverWritten(access.at, access.register, register);
  if (register.type === "number" && register.released !== undefined) {
    const { at, what: gone } = register.released;
    const because = [{ at, what: `${gone} was given away here` }];
    const message = `${describeAccess(access)} of ${gone} (${name}) that was given back before`;
    return new Refusal("released", access.at, message, "Use it before it is given back.", because);
  }
  const held = describe(register);
  if (held === "0") {
    const message = `${describeAccess(access)} at NULL (${name} is 0 here)`;
    return new Refusal("null", access.at, message, "On this path the pointer is NULL: return before it is used.");
  }
  const message = `${describeAccess(access)} at ${name}, which is a number (${held}) and no pointer`;
  const suggestion =
    "Only pointers that come from a context, a map, the stack, a packet or a helper lead to memory; others are read with bpf_probe_read_kernel().";
  return new Refusal("type", access.at, message, suggestion);
}

/** A register that nothing was put into. */
export function neverWritten(at: number, index: number, register: Register): Refusal {
  const lost = register.type === "nothing" ? register.lostAt : undefined;
  const why = lost === undefined ? "to which nothing was written before" : "which a call has left without a value";
  const because = lost === undefined ? [] : [{ at: lost, what: "this call leaves nothing in r1 to r5" }];
  const message = `it reads r${index}, ${why}`;
  const suggestion =
    lost === undefined ? "Give it a value on every path that leads here." : "Keep it in r6 to r9 or on the stack.";
  return new Refusal("uninitialized", at, message, suggestion, because);
}

/** @throws {Refusal} the access may go wrong */
export function checkAccess(subject: Subject, state: State, access: Access): void {
  const register = state.register(access.register);
  if (access.helper !== true) checkAlike(subject, access, register);
  if (
    register.type === "number" &&
    register.kernel &&
    access.does === "read" &&
    access.helper !== true &&
    access.ordered !== true
  ) {
    subject.proofs.open(access.at);
    return;
  }
  if (register.type !== "pointer") throw refusedNumber(access, register);
  const { target } = register;
  if (target.type === "arena") {
    checkArena(subject, access);
    return;
  }
  if (register.maybeNull) throw maybeNull(subject, access, register);
  if (target.type === "kernel" && mayFollow(access)) {
    subject.proofs.open(access.at);
    if (target.shape !== undefined) checkShape(subject, access, register, target.shape);
    return;
  }
  if (WITHOUT_MEMORY.has(target.type)) {
    const message = `${describeAccess(access)} at ${describe(register)} (r${access.register}), which is no memory of the program's`;
    const suggestion =
      target.type === "map" ? "Values are got by bpf_map_lookup_elem()." : "Only what lies before it can be accessed.";
    throw new Refusal("type", access.at, message, suggestion, origins(register, describe(register)));
  }
  if (access.does === "atomic" || access.ordered === true) checkAtomic(access, register);
  if (target.type === "stack") checkStack(subject, state, access, register);
  else if (isPacket(target)) checkPacket(subject, access, register);
  else if (target.type === "context") checkContext(subject, access, register);
  else checkObject(subject, access, register);
  subject.proofs.proven(access.at);
}

/** Things of the kernel's are read as its memory. Sockets there are none: no run comes to where one is looked into. */
function mayFollow({ does, helper, ordered }: Access): boolean {
  return does === "read" && helper !== true && ordered !== true;
}

/** What a kernel shows of its socket. */
function checkShape(subject: Subject, access: Access, register: PointerRegister, shape: KernelShape): void {
  const { bytes: size, wide = [0, 0], hidden, narrow } = shape;
  inside(subject, access, register, size, cameFrom(subject, register));
  const [at] = reach(register, access);
  const overlaps = (part: readonly [number, number] | undefined): boolean =>
    part !== undefined && at < part[1] && at + BigInt(access.bytes) > part[0];
  const fits = access.bytes <= 4 || (at >= wide[0] && at + BigInt(access.bytes) <= wide[1]);
  if (fits && !overlaps(hidden) && !(access.bytes < 4 && overlaps(narrow))) return;
  const message = `${describeAccess(access)} at offset ${at} of ${cameFrom(subject, register)}, where no field is that is shown so`;
  throw new Refusal("context", access.at, message, "Read a field as it is declared, of what bpf_sk_fullsock() gives.");
}

interface Extent {
  readonly bytes: number;
  readonly readable: boolean;
  readonly writable: boolean;
  readonly fields: readonly SpecialField[];
}

function extentOf({ target }: PointerRegister): Extent {
  if (target.type === "value")
    return {
      bytes: target.map.valueSize,
      readable: !target.map.writeOnly,
      writable: !target.map.readOnly,
      fields: target.map.fields,
    };
  const readable = true;
  if (target.type === "object")
    return { bytes: target.object.bytes, readable, writable: true, fields: target.object.fields };
  if (target.type === "memory") return { bytes: target.bytes, readable, writable: target.writable, fields: [] };
  return { bytes: 0, readable, writable: false, fields: [] };
}

/** A value, an object, or memory that a helper gave. */
function checkObject(subject: Subject, access: Access, register: PointerRegister): void {
  const { bytes, readable, writable, fields } = extentOf(register);
  inside(subject, access, register, bytes, cameFrom(subject, register));
  if (access.does !== "write" && !readable) {
    const message = `${describeAccess(access)} of ${cameFrom(subject, register)}, which programs may only write to`;
    throw new Refusal("read-only", access.at, message, "Use a map that is not BPF_F_WRONLY_PROG.");
  }
  if (access.does !== "read" && !writable) {
    const message = `${describeAccess(access)} of ${cameFrom(subject, register)}, which programs may only read`;
    const suggestion =
      register.target.type === "value"
        ? "Declare the variable without const, or use a map that is not BPF_F_RDONLY_PROG."
        : "Copy it to a variable, and change that.";
    throw new Refusal("read-only", access.at, message, suggestion);
  }
  checkFields(access, register, fields);
}

/** Of what may be NULL: where it is. */
const WHEN_NULL: Readonly<Record<string, string>> = {
  value: "there is no such entry",
  "a record": "there is no room in the ring buffer",
  "a CPU's copy": "there is no such CPU",
  "a number of an iterator": "the iteration is at its end",
  "what a dynptr leads to": "it has fewer bytes",
  object: "there is none, or no memory for it",
};

function maybeNull(subject: Subject, access: Access, register: PointerRegister): Refusal {
  const name = nameOf(subject, access.register, register);
  const { target } = register;
  const when = WHEN_NULL[target.type === "memory" ? target.what : target.type] ?? "there is none";
  const message = `${describeAccess(access)} through ${name}, ${cameFrom(subject, register)}, which is NULL where ${when}`;
  const variable = name.replaceAll("`", "");
  const suggestion = `Compare it with NULL first: if (!${variable}) return 0;`;
  return new Refusal(
    "null",
    access.at,
    message,
    suggestion,
    origins(register, describe({ ...register, maybeNull: false })),
  );
}
