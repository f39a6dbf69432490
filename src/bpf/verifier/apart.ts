/** An access, and those that a kernel carries out in another way than any: to the context, and to arena maps. */
import { ARENA_ACCESS } from "../linked.ts";
import { Refusal } from "./refusal.ts";
import type { Register } from "./registers.ts";
import type { Subject } from "./subject.ts";

/** An access through a register. `atomic`: reads and writes, at a multiple of its size. */
export interface Access {
  readonly at: number;
  readonly register: number;
  /** Added to the register. */
  readonly offset: number;
  readonly bytes: number;
  readonly does: "read" | "write" | "atomic";
  /** A helper accesses it, not an instruction. */
  readonly helper?: true;
  /** A load that extends the sign. */
  readonly signed?: boolean;
  /** An acquire, or a release: at a multiple of its size as an atomic. */
  readonly ordered?: boolean;
}

const VERBS: Readonly<Record<Access["does"], string>> = { read: "reads", write: "writes", atomic: "changes" };

export function describeAccess({ does, bytes }: Access): string {
  return `it ${VERBS[does]} ${bytes} ${bytes === 1 ? "byte" : "bytes"}`;
}

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
