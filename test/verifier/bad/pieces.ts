/** What the tables of small bad programs are made of: a row, and pieces of assembly that come again and again. */
import type { CategoryName } from "../../../src/bpf/verifier/refusal.ts";

export interface BadProgram {
  readonly name: string;
  readonly section: string;
  readonly bad: string;
  readonly good?: string;
  readonly category: CategoryName;
  readonly says: RegExp;
}

export const KPROBE = "kprobe/f";
export const XDP = "xdp";
export const TC = "tc";

/** Looks up key 0 (or r6) of a map. */
export const lookup = (map: string, key = "0"): string => `*(u64 *)(r10 - 8) = ${key}
r2 = r10
r2 += -8
r1 = &${map}
call map_lookup_elem`;

export const END = "r0 = 0\nexit";
/** Leaves where r0 is 0, with the label `out` at the end. */
export const CHECKED = "if r0 == 0 goto out";
export const OUT: string = `out:\n${END}`;
/** A number that only a run knows, in r6. */
export const UNKNOWN = "r6 = *(u64 *)(r1 + 112)";
export const PACKET = "r2 = *(u32 *)(r1 + 0)\nr3 = *(u32 *)(r1 + 4)";
export const SKB_PACKET = "r2 = *(u32 *)(r1 + 76)\nr3 = *(u32 *)(r1 + 80)";
export const RESERVE = "r1 = &ring\nr2 = 16\nr3 = 0\ncall ringbuf_reserve";
export const SUBMIT = "r2 = 0\ncall ringbuf_submit";

export const SIZES = [
  ["u8", 1],
  ["u16", 2],
  ["u32", 4],
  ["u64", 8],
] as const;

/** A value of so many bytes, in r0; r6 is not known. */
export const VALUE: string = `${UNKNOWN}\n${lookup("counts")}\n${CHECKED}`;
