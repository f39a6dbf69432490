/** Programs offered to the running kernel, where that can be done: as root, with `bpf(2)` and a C compiler. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CALL, encodeInstructions, type Instruction, isWide, PSEUDO } from "../../../src/bpf/isa/instructions.ts";
import type { ObjectSpec, ProgramSpec } from "../../../src/bpf/object/spec.ts";
import { RDONLY_PROG } from "../../../src/bpf/object/spec.ts";
import { withMaps } from "../../../tools/kernel/relocate.ts";
import { MAPS } from "../object.ts";

/** `enum bpf_prog_type` of Linux; of those that need a function of the kernel to attach to nothing is offered. */
const PROGRAM_TYPES: Readonly<Record<string, number>> = {
  kprobe: 2,
  sched_cls: 3,
  tracepoint: 5,
  xdp: 6,
  perf_event: 7,
  cgroup_skb: 8,
  raw_tracepoint: 17,
};

/** `enum bpf_attach_type` by section, where it is not 0: what a program may return goes by it. */
const ATTACH_TYPES: Readonly<Record<string, number>> = { "cgroup_skb/egress": 1 };

/** Numbers of kernel functions here, which are none of Linux's. */
const FIRST_KERNEL_FUNCTION = 0x10000;

const TAIL_CALL = 12;

/** Maps whose values have more in them than bytes. */
const TYPED: ReadonlySet<string> = new Set(["guarded", "things"]);

/** Programs of types that there are, without what takes BTF: kernel functions, functions that helpers call, values with locks and the like. */
export function isOffered({ kind, instructions, relocations }: ProgramSpec): boolean {
  if (PROGRAM_TYPES[kind.type] === undefined) return false;
  const takesBtf = instructions.some(
    (slot) =>
      (slot.code === CALL && slot.src === 0 && slot.imm >= FIRST_KERNEL_FUNCTION) ||
      (isWide(slot) && slot.src === PSEUDO.function),
  );
  // In a function that another one calls Linux takes a tail call only if it knows its types.
  const callsTail = instructions.some(({ code, src, imm }) => code === CALL && src === 0 && imm === TAIL_CALL);
  const callsOwn = instructions.some(({ code, src }) => code === CALL && src === PSEUDO.localCall);
  return (
    !takesBtf && !(callsTail && callsOwn) && !relocations.some((each) => each.type === "map" && TYPED.has(each.map))
  );
}

/** "accepted", or the last line of the kernel's log. */
export type KernelVerdict = { readonly accepted: true } | { readonly accepted: false; readonly log: string };

function words(...numbers: number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(numbers).buffer);
}

/** A program as `bpf(2)` loads it. */
export interface Offered {
  /** `enum bpf_prog_type` and `enum bpf_attach_type`. */
  readonly type: number;
  readonly attach?: number;
  /** The number of the kernel's type that it attaches to. */
  readonly target?: number;
  readonly flags?: number;
  readonly instructions: readonly Instruction[];
}

function offered({ programs }: ObjectSpec): Offered {
  const program = programs[0] as ProgramSpec;
  const instructions = withMaps(program, (map) => MAPS.findIndex(({ name }) => name === map));
  const attach = ATTACH_TYPES[program.section] ?? 0;
  return { type: PROGRAM_TYPES[program.kind.type] ?? 0, attach, instructions };
}

function input(programs: readonly Offered[]): Uint8Array {
  const parts = [words(MAPS.length)];
  for (const { bpfType, keySize, valueSize, maxEntries, flags, readOnly, contents } of MAPS) {
    parts.push(words(bpfType, keySize, valueSize, maxEntries, flags | (readOnly ? RDONLY_PROG : 0)));
    if (readOnly && contents !== undefined) parts.push(contents);
  }
  parts.push(words(programs.length));
  for (const { type, attach = 0, target = 0, flags = 0, instructions } of programs)
    parts.push(words(type, attach, target, flags, instructions.length), encodeInstructions(instructions));
  return Buffer.concat(parts);
}

const SECONDS = 600;

/** @returns a verdict a program, or why there is none */
export function offerToKernel(objects: readonly ObjectSpec[]): readonly KernelVerdict[] | string {
  return offerPrograms(objects.map(offered));
}

/** @returns a verdict a program, or why there is none */
export function offerPrograms(programs: readonly Offered[]): readonly KernelVerdict[] | string {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "only root on Linux loads programs";
  const folder = mkdtempSync(join(tmpdir(), "offer-"));
  const binary = join(folder, "offer");
  try {
    execFileSync("cc", ["-O1", "-o", binary, join(import.meta.dirname, "offer.c")], { stdio: "pipe" });
    const output = execFileSync(binary, { input: input(programs), timeout: SECONDS * 1000, maxBuffer: 1 << 28 });
    const lines = output.toString().split("\n").slice(0, programs.length);
    return lines.map((line) => (line === "+" ? { accepted: true } : { accepted: false, log: line.slice(2) }));
  } catch (error) {
    return `the kernel cannot be asked: ${error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error)}`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
