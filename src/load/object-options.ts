/** What `loadObject` is called with. */
import { checkRecord, checkText, refuse } from "../arguments.ts";
import type { KernelTypes } from "../bpf/shipped/kernel-types.ts";
import { checkLoading, type LoadOptions } from "./load.ts";
import type { HelperAnswers } from "./run-input.ts";

export interface ObjectOptions extends Omit<LoadOptions, "engine" | "mapEntries" | "valueSizes" | "enable" | "label"> {
  /** What it is called in messages. */
  readonly name?: string;
  /**
   * Types of the kernel that it is for: of one that come along (`LINUX_6_18` of `anyctx/btf/linux-6.18`), as `/sys/kernel/btf/vmlinux` has
   * them, or an ELF file with them. By default its own.
   */
  readonly targetBtf?: Uint8Array | KernelTypes;
  /** First values of global variables, those of `.rodata` too. */
  readonly globals?: Readonly<Record<string, string | number | bigint | boolean>>;
  /** max_entries by map name. */
  readonly mapEntries?: Readonly<Record<string, number>>;
  /** Bytes of values by map name, where its loader sets them. */
  readonly valueSizes?: Readonly<Record<string, number>>;
  /** Programs that load although their sections say not to (`?`). */
  readonly enable?: readonly string[];
  /** What helpers answer in place of what they would: in every run that says nothing else of them. */
  readonly helpers?: HelperAnswers;
}

const OPTIONS: readonly (keyof ObjectOptions)[] = [
  ...(["name", "targetBtf", "globals", "mapEntries", "valueSizes", "enable", "helpers"] as const),
  ...(["policy", "programs", "hashes", "allocators", "verify"] as const),
];

/** @throws {AnyctxError} EINVAL, as `checkLoading` */
export function checkObjectOptions(call: string, arena: unknown, options: ObjectOptions): void {
  checkLoading(call, arena, options, OPTIONS);
  const { name, enable } = options;
  if (name !== undefined) checkText(call, "name", name);
  for (const each of ["globals", "mapEntries", "valueSizes"] as const)
    if (options[each] !== undefined) checkRecord(call, each, options[each]);
  if (enable === undefined) return;
  if (!Array.isArray(enable)) refuse(call, "an array", "enable", enable);
  for (const program of enable) checkText(call, "the name of a program in enable", program);
}
