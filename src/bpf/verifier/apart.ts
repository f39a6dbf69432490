/** Accesses that a kernel carries out in another way than any: to the context, and to arena maps. */
import { ARENA_ACCESS } from "../linked.ts";
import { type Access, describeAccess } from "./access.ts";
import { Refusal } from "./refusal.ts";
import type { Register } from "./registers.ts";
import type { Subject } from "./subject.ts";

/**
 * An instruction that accesses the context accesses nothing else on any path: a kernel's context is no struct as it looks like, so
 * that Linux writes such instructions anew. So it does with those that access an arena map.
 */
export function checkAlike({ apartAccesses }: Subject, { at }: Access, register: Register): void {
  if (register.type !== "pointer") return;
  const { type } = register.target;
  const kind = type === "context" || type === "arena" ? type : "other";
  const before = apartAccesses.get(at);
  apartAccesses.set(at, kind);
  if (before === undefined || before === kind) return;
  const isContext = before === "context" || kind === "context";
  const message = `it accesses ${isContext ? "the context" : "the arena map"} on one path, and something else on another`;
  throw new Refusal(
    isContext ? "context" : "type",
    at,
    message,
    "Access them by instructions of their own: in branches that are kept apart.",
  );
}

/** Any access of an instruction's goes: where no page is, it reads zeroes. */
export function checkArena({ arenaPointers }: Subject, access: Access): void {
  if (access.helper !== true) {
    arenaPointers.set(access.at, ARENA_ACCESS);
    return;
  }
  const message = `${describeAccess(access)} of the arena map, which helpers do not look into`;
  throw new Refusal("argument", access.at, message, "Copy it to a variable on the stack, and pass that.");
}
