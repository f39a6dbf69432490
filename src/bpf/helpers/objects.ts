/**
 * Objects that programs allocate (`bpf_obj_new`), and what keeps them: lists, trees, pointers in values of maps. They come from an
 * allocator of the arena's, so that a program may ask for one in any context. In front of each are its references and its size.
 *
 * A list's head and a tree's root have the addresses of their first and last node; a node has those of the next and the one before,
 * whose it is, and the object that it lies in. Programs see none of it. A tree is kept as a list in order: an entry takes as long
 * as there are others.
 */
import { ERRNO } from "../../error.ts";
import { OWNERS } from "./callers.ts";
import { giveCopies, isCopies, ownCopies } from "./copies.ts";
import type { Helper } from "./helper.ts";
import { CALLBACK } from "./parameters/callback.ts";
import { SCALAR } from "./parameters/numbers.ts";
import {
  KEPT_POINTER,
  LIST,
  NODE,
  OWN_NODE,
  OWN_OBJECT,
  POINTEE,
  SHARED_OBJECT,
  TREE,
  TYPE_NUMBER,
} from "./parameters/objects.ts";
import { allocateObject, type ServiceCall } from "./service.ts";

const HEADER = 8;
const LEFT = "an object that is neither kept nor dropped";

const FIRST = 0;
const LAST = 8;
const NEXT = 0;
const BEFORE = 8;
const OWNER = 16;
const OBJECT = 20;

function at({ view }: ServiceCall, address: number): number {
  return view.getUint32(address, true);
}

function put({ view }: ServiceCall, address: number, value: number): void {
  view.setUint32(address, value, true);
}

/** One reference less; without any the object is free. */
function letGo(call: ServiceCall, object: number): void {
  const left = at(call, object - HEADER) - 1;
  put(call, object - HEADER, left);
  if (left === 0) call.host.core["objectFree"]?.(object - HEADER);
}

/** The run has a reference, which it is to give back or to put somewhere. */
function own(call: ServiceCall, object: number): void {
  call.grant(object, at(call, object - HEADER + 4), true);
  call.hold(object, LEFT, () => letGo(call, object));
}

/** The object that an address is in, of which the run gives its reference away. */
function giveAway(call: ServiceCall, address: number): number {
  const object = call.heldAround(address);
  if (object === undefined || address >= object + at(call, object - HEADER + 4) || !call.release(object))
    return call.fail("it has no object of its own at this address");
  return object;
}

function allocate(call: ServiceCall, type: bigint): number {
  const { bytes: size } = call.program.types.get(Number(type)) ?? call.fail(`the object has no type ${type}`);
  const allocator = call.host.objects?.() ?? call.fail("there is nothing to allocate from here");
  const found = allocateObject(call, allocator, size + HEADER);
  if (found === 0) return 0;
  call.bytes.fill(0, found, found + HEADER + size);
  put(call, found, 1);
  put(call, found + 4, size);
  own(call, found + HEADER);
  return found + HEADER;
}

function drop(call: ServiceCall, address: bigint): number {
  letGo(call, giveAway(call, Number(address)));
  return 0;
}

function acquire(call: ServiceCall, address: bigint): number {
  const object = Number(address);
  put(call, object - HEADER, at(call, object - HEADER) + 1);
  own(call, object);
  return object;
}

/** Puts a node between two others (0: the end), which are in the list. */
function link(call: ServiceCall, head: number, node: number, before: number, next: number): void {
  put(call, node + BEFORE, before);
  put(call, node + NEXT, next);
  put(call, before === 0 ? head + FIRST : before + NEXT, node);
  put(call, next === 0 ? head + LAST : next + BEFORE, node);
}

/** A node's object goes to a list or a tree, unless it is in one: then the reference is given back. */
function enter(call: ServiceCall, head: number, node: number, place: () => number): number {
  const object = giveAway(call, node);
  if (at(call, node + OWNER) !== 0) {
    letGo(call, object);
    return -ERRNO.EINVAL;
  }
  const next = place();
  link(call, head, node, next === 0 ? at(call, head + LAST) : at(call, next + BEFORE), next);
  put(call, node + OWNER, head);
  put(call, node + OBJECT, object);
  return 0;
}

function leave(call: ServiceCall, head: number, node: number): number {
  if (node === 0 || at(call, node + OWNER) !== head) return 0;
  const [before, next] = [at(call, node + BEFORE), at(call, node + NEXT)];
  put(call, before === 0 ? head + FIRST : before + NEXT, next);
  put(call, next === 0 ? head + LAST : next + BEFORE, before);
  const object = at(call, node + OBJECT);
  for (const field of [NEXT, BEFORE, OWNER, OBJECT]) put(call, node + field, 0);
  own(call, object);
  return node;
}

/** Looks at a node that stays where it is. */
function look(call: ServiceCall, node: number): number {
  if (node !== 0) {
    const object = at(call, node + OBJECT);
    call.grant(object, at(call, object - HEADER + 4), true);
  }
  return node;
}

/** The first node that another one is less than; 0: none. */
function placeFor(call: ServiceCall, root: number, node: number, less: bigint): number {
  let other = at(call, root + FIRST);
  while (other !== 0 && (call.callback(less, BigInt(node), BigInt(look(call, other))) & 0xffn) === 0n)
    other = at(call, other + NEXT);
  return other;
}

/** `bpf_kptr_xchg`: what was there is the run's now, and what it puts there is not any more. */
function exchange(call: ServiceCall, place: number, next: bigint): bigint {
  const before = call.view.getBigUint64(place, true);
  if (isCopies(call, next)) giveCopies(call, next);
  else if (call.heldAround(Number(next)) !== undefined) giveAway(call, Number(next));
  call.view.setBigUint64(place, next, true);
  if (isCopies(call, before)) ownCopies(call, before);
  else if (before !== 0n && before < BigInt(call.bytes.length)) own(call, Number(before));
  return before;
}

export const EXCHANGE: Helper = {
  id: 194,
  name: "kptr_xchg",
  parameters: [KEPT_POINTER, POINTEE],
  action: { type: "service", run: exchange },
  leads: { type: "object", of: "field", owned: true },
  result: "u64",
  doc: "Puts an object's address into a value of a map, in the place of the one before, which it gives.",
};

type Row = Omit<Helper, "id">;

const ADD: Omit<Row, "name" | "action" | "doc"> = {
  ...{ callers: OWNERS, parameters: [LIST, OWN_NODE, SCALAR, SCALAR], result: "i32", underLock: true },
};

export const OBJECT_FUNCTIONS: readonly Row[] = [
  {
    ...{ name: "bpf_obj_new_impl", callers: OWNERS, parameters: [TYPE_NUMBER, SCALAR], result: "address" },
    action: { type: "service", run: allocate },
    leads: { type: "object", of: "type", owned: true },
    doc: "An object of one of the program's own types, all zeroes, or 0 where its context finds no memory.",
  },
  {
    ...{ name: "bpf_obj_drop_impl", callers: OWNERS, parameters: [OWN_OBJECT, SCALAR], result: "none" },
    action: { type: "service", run: drop },
    doc: "Gives a reference to an object back; the last frees it.",
  },
  {
    ...{ name: "bpf_refcount_acquire_impl", callers: OWNERS, parameters: [SHARED_OBJECT, SCALAR], result: "address" },
    action: { type: "service", run: acquire },
    leads: { type: "object", of: "argument", owned: true },
    underLock: true,
    doc: "One more reference to an object.",
  },
  {
    ...ADD,
    name: "bpf_list_push_front_impl",
    action: {
      type: "service",
      run: (call, head: number, node: number) => enter(call, head, node, () => at(call, head + FIRST)),
    },
    doc: "Puts an object at a list's beginning; 0, or -EINVAL where it is in one.",
  },
  {
    ...ADD,
    name: "bpf_list_push_back_impl",
    action: { type: "service", run: (call, head: number, node: number) => enter(call, head, node, () => 0) },
    doc: "Puts an object at a list's end; 0, or -EINVAL where it is in one.",
  },
  {
    ...{ name: "bpf_list_pop_front", callers: OWNERS, parameters: [LIST], result: "address", underLock: true },
    leads: { type: "object", of: "field", owned: true },
    action: { type: "service", run: (call, head: number) => leave(call, head, at(call, head + FIRST)) },
    doc: "Takes a list's first node, or 0.",
  },
  {
    ...{ name: "bpf_list_pop_back", callers: OWNERS, parameters: [LIST], result: "address", underLock: true },
    leads: { type: "object", of: "field", owned: true },
    action: { type: "service", run: (call, head: number) => leave(call, head, at(call, head + LAST)) },
    doc: "Takes a list's last node, or 0.",
  },
  {
    ...{ name: "bpf_rbtree_add_impl", callers: OWNERS, parameters: [TREE, OWN_NODE, CALLBACK, SCALAR, SCALAR] },
    calls: { arguments: ["node", "node"] },
    underLock: true,
    action: {
      type: "service",
      run: (call, root: number, node: number, less: bigint) =>
        enter(call, root, node, () => placeFor(call, root, node, less)),
    },
    result: "i32",
    doc: "Puts an object into a tree, before the first that it is less than; 0, or -EINVAL where it is in one.",
  },
  {
    ...{ name: "bpf_rbtree_first", callers: OWNERS, parameters: [TREE], result: "address", underLock: true },
    leads: { type: "object", of: "field", owned: false },
    action: { type: "service", run: (call, root: number) => look(call, at(call, root + FIRST)) },
    doc: "A tree's first node, which stays there, or 0.",
  },
  {
    ...{ name: "bpf_rbtree_remove", callers: OWNERS, parameters: [TREE, NODE], result: "address", underLock: true },
    leads: { type: "object", of: "field", owned: true },
    action: { type: "service", run: (call, root: number, node: number) => leave(call, root, node) },
    doc: "Takes a node out of a tree; 0 where it is not in it.",
  },
];
