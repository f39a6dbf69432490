/** Kernels by version, as far as advice depends on it. */

import { policyFinding } from "../../bpf/policy.ts";
import type { ProgramKind } from "../../bpf/programs/program-type.ts";
import { AnyctxError } from "../../error.ts";
import { CONSTANTS } from "../../wasm/face.ts";

/** `6.18` */
export interface KernelVersion {
  readonly major: number;
  readonly minor: number;
}

/** The kernel whose rules these are. */
export const KNOWN_KERNEL: KernelVersion = { major: 6, minor: 18 };
/** The first one whose dynamic hashes have the allocator with caches. */
const WITH_CACHES: KernelVersion = { major: 6, minor: 1 };

/** @throws {AnyctxError} EINVAL for what is no version */
export function kernelVersion(text: string): KernelVersion {
  const [, major, minor] = /^(\d{1,3})\.(\d{1,3})(?:[.-].*)?$/.exec(text) ?? [];
  if (major === undefined || minor === undefined)
    throw new AnyctxError("EINVAL", `"${text}" is no version of a kernel, as 5.15 is`);
  return { major: Number(major), minor: Number(minor) };
}

export function versionText({ major, minor }: KernelVersion): string {
  return `${major}.${minor}`;
}

function isBefore(one: KernelVersion, other: KernelVersion): boolean {
  return one.major < other.major || (one.major === other.major && one.minor < other.minor);
}

/** Why these programs should have no dynamic hash on a kernel; undefined where nothing is against it. */
export function againstDynamic(
  version: KernelVersion,
  realTime: boolean,
  kinds: readonly ProgramKind[],
): string | undefined {
  if (!isBefore(version, WITH_CACHES)) return undefined;
  const map = { bpfType: CONSTANTS.KIND_HASH, dynamic: true };
  const verdicts = kinds.map(({ type }) => policyFinding("linux-6.0", realTime, { type, section: type }, map)?.verdict);
  if (verdicts.includes("refuse"))
    return `before 6.1 ${realTime ? "an RT kernel" : "a kernel"} refuses to load a tracing program with a dynamic hash`;
  const warns = verdicts.includes("warn") ? " and warns of it in tracing programs" : "";
  return `before 6.1 a dynamic hash asks the slab at every update: it is slow${warns}`;
}
