/** A verdict as lines of the object's source: what goes, and what comes in its place. */
import type { MapSpec } from "../../bpf/object/spec.ts";
import { NO_PREALLOC } from "../../maps/kinds.ts";
import type { Judgement, Verdict } from "./verdict.ts";

/** Whether a hash is dynamic where its verdict is followed. */
export function becomesDynamic(verdict: Verdict, isDynamic: boolean): boolean {
  if (verdict === "go dynamic") return true;
  return verdict === "keep preallocated" ? false : isDynamic;
}

/** The definition's lines as BTF-defined maps have them, each with its sign; empty where nothing is to be changed. */
export function patchOf({ flags }: MapSpec, before: number, { verdict, maxEntries }: Judgement): string[] {
  const isDynamic = (flags & NO_PREALLOC) !== 0;
  const others = flags & ~NO_PREALLOC;
  const lines: string[] = [];
  if (maxEntries !== before) lines.push(`-  ${entriesLine(before)}`, `+  ${entriesLine(maxEntries)}`);
  const becomes = becomesDynamic(verdict, isDynamic);
  if (becomes === isDynamic) return lines;
  if (isDynamic || others !== 0) lines.push(`-  ${flagsLine(others, isDynamic)}`);
  if (becomes || others !== 0) lines.push(`+  ${flagsLine(others, becomes)}`);
  return lines;
}

function entriesLine(maxEntries: number): string {
  return `__uint(max_entries, ${maxEntries});`;
}

function flagsLine(others: number, isDynamic: boolean): string {
  const names = [...(isDynamic ? ["BPF_F_NO_PREALLOC"] : []), ...(others === 0 ? [] : [`0x${others.toString(16)}`])];
  return `__uint(map_flags, ${names.join(" | ")});`;
}
