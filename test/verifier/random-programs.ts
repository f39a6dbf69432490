/**
 * Random programs: arithmetic and branches between numbers that only a run knows and an access that depends on them; and small programs
 * of which an instruction was changed, left out, doubled or put elsewhere.
 */
import { assemble } from "../../src/bpf/isa/assemble.ts";
import { type Instruction, isWide, OPERATIONS, operationOf } from "../../src/bpf/isa/instructions.ts";
import type { ObjectSpec } from "../../src/bpf/object/spec.ts";
import { BAD_PROGRAMS } from "./bad-programs.ts";
import { objectOf } from "./object.ts";

/** Numbers from 0 up to a bound, the same for the same seed. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number below `bound` (mulberry32). */
  below(bound: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)] as T;
  }
}

const INTERESTING = [
  0, 1, 2, 3, 4, 7, 8, 15, 16, 17, 31, 32, 63, 64, 127, 255, 256, 0xffff, 0x7fffffff, -1, -2, -8, -16, -128,
  -0x80000000,
];

/** Operations without a register or memory of their own: arithmetic. */
const ARITHMETIC = OPERATIONS.filter(({ effect }) => effect.type === "alu");
const BRANCHES = OPERATIONS.filter(({ effect }) => effect.type === "branch");

const NUMBERS = [6, 7, 8] as const;

function slotOf(random: Random, operation: (typeof OPERATIONS)[number], registers: readonly number[]): Instruction {
  const imm = operation.imm === "any" ? random.pick(INTERESTING) : operation.imm;
  const src = operation.src === "any" ? random.pick(registers) : operation.src;
  return {
    code: operation.code,
    dst: random.pick(registers),
    src,
    offset: operation.offset === "any" ? 0 : operation.offset,
    imm,
  };
}

const one = (text: string): Instruction => assemble(text)[0] as Instruction;
const LAST_INDEX: readonly Instruction[][] = [
  ...[1, 3, 7, 8, 12, 15, 16, 31].map((mask) => [one(`r6 &= ${mask}`)]),
  ...[7, 8, 14, 15, 16].map((most) => [one(`if r6 > ${most} goto +3`)]),
  ...[8, 15, 16].map((most) => [one(`if r6 s> ${most} goto +4`), one("if r6 s< 0 goto +3")]),
  ...[15, 16, 17].map((by) => [one(`r6 %= ${by}`)]),
  ...[59, 60, 61].map((by) => [one(`r6 >>= ${by}`)]),
  ...[27, 28, 29].map((by) => [one(`w6 >>= ${by}`)]),
  ...[15, 16].map((most) => [one("w6 = w6"), one(`if w6 > ${most} goto +3`)]),
];
const SPILLS = ["u8", "u16", "u32", "u64"].flatMap((type) =>
  NUMBERS.flatMap((index) =>
    [8, 16, 24].map((at) => [
      one(`*(${type} *)(r10 - ${at + 16}) = r${index}`),
      one(`r${index} = *(${type} *)(r10 - ${at + 16})`),
    ]),
  ),
);

const PROLOGUE = `r6 = *(u64 *)(r1 + 112)
r7 = *(u32 *)(r1 + 96)
r8 = *(u64 *)(r1 + 0)
*(u64 *)(r10 - 24) = 0
*(u64 *)(r10 - 32) = r6
*(u64 *)(r10 - 40) = r7
*(u32 *)(r10 - 4) = 0
r2 = r10
r2 += -4
r1 = &counts
call map_lookup_elem
if r0 == 0 goto +5
r9 = r0`;

const ACCESSES = ["u8", "u16", "u32", "u64"].flatMap((type) => [
  one(`r0 = *(${type} *)(r9 + 0)`),
  one(`*(${type} *)(r9 + 0) = r7`),
  one(`r0 = *(${type} *)(r9 + 4)`),
  one(`r0 = *(${type} *)(r9 - 1)`),
]);
/** Where what is left out leads to. */
const TAIL = assemble(`${"r0 = 0\n".repeat(6)}exit`);

/** Numbers of registers r6 to r8 are calculated with, compared, spilled and loaded; r6 is made an index into a value. */
function arithmeticProgram(random: Random): Instruction[] {
  const base = objectOf("kprobe/f", `${PROLOGUE}\nr0 = 0\nexit`).programs[0]?.instructions ?? [];
  const prologue = base.slice(0, -2);
  const body: Instruction[] = [];
  for (let count = random.below(random.below(2) === 0 ? 8 : 28); count > 0; count--) {
    const what = random.below(11);
    if (what < 6) body.push(slotOf(random, random.pick(ARITHMETIC), NUMBERS));
    else if (what < 8) body.push({ ...slotOf(random, random.pick(BRANCHES), NUMBERS), offset: random.below(3) });
    else body.push(...random.pick(SPILLS).slice(random.below(2)));
  }
  const end = [...random.pick(LAST_INDEX), one("r9 += r6"), random.pick(ACCESSES), ...TAIL];
  const far = body.length + end.length;
  // Where there is no value the program ends.
  return [
    ...prologue.map((slot) => (slot.offset === 5 && slot.code === 0x15 ? { ...slot, offset: far - 1 } : slot)),
    ...body,
    ...end,
  ];
}

function changedSlot(random: Random, slot: Instruction): Instruction {
  switch (random.below(7)) {
    case 0:
      return { ...slot, imm: random.below(2) === 0 ? random.pick(INTERESTING) : slot.imm + random.below(17) - 8 };
    case 1:
      return { ...slot, offset: slot.offset + random.pick([-8, -4, -1, 1, 4, 8]) };
    case 2:
      return { ...slot, dst: random.below(11) };
    case 3:
      return { ...slot, src: random.below(11) };
    case 4: {
      const operation = operationOf(slot);
      const alike = OPERATIONS.filter(
        ({ effect }) => effect.type === operation?.effect.type && effect.type !== "refused",
      );
      const other = alike.length === 0 ? undefined : random.pick(alike);
      return other === undefined
        ? slot
        : {
            ...slot,
            code: other.code,
            offset: other.offset === "any" ? slot.offset : other.offset,
            imm: other.imm === "any" ? slot.imm : other.imm,
          };
    }
    case 5:
      return { ...slot, imm: random.pick(INTERESTING) };
    default:
      return slotOf(random, random.pick(ARITHMETIC), [0, 1, 2, 3, 6, 7]);
  }
}

/** Programs whose wide loads stay where they are, so that relocations still fit: other slots are changed in place. */
function mutated(random: Random, slots: readonly Instruction[]): Instruction[] {
  const changed = [...slots];
  for (let count = 1 + random.below(3); count > 0; count--) {
    const at = random.below(changed.length);
    const slot = changed[at] as Instruction;
    const before = changed[at - 1];
    if (isWide(slot) || (before !== undefined && isWide(before))) continue;
    const other = changed[random.below(changed.length)] as Instruction;
    changed[at] = random.below(6) === 0 && !isWide(other) && other.code !== 0 ? other : changedSlot(random, slot);
  }
  return changed;
}

const SEEDS: readonly ObjectSpec[] = BAD_PROGRAMS.filter(
  ({ category }) => category !== "limit" && category !== "loop",
).flatMap(({ section, bad, good }) =>
  [bad, ...(good === undefined ? [] : [good])].map((text) => objectOf(section, text)),
);

/** What `TAIL` has before its exit when it returns what has become of the numbers. Nothing leads into its middle with another r0 than 0. */
const RETURNS = ["r0 = r6", "r0 ^= r7", "r0 *= 31", "r0 ^= r8"].map(one);

/** The same object, its program returning what it has calculated where it is one of arithmetic. */
export function returningNumbers(object: ObjectSpec): ObjectSpec {
  const programs = object.programs.map((program) => {
    const { instructions } = program;
    const end = instructions.length - 1;
    const isZero = ({ code, dst, imm }: Instruction): boolean => code === one("r0 = 0").code && dst === 0 && imm === 0;
    if (instructions.length < TAIL.length || !instructions.slice(-TAIL.length, -1).every(isZero)) return program;
    return { ...program, instructions: instructions.toSpliced(end - RETURNS.length, RETURNS.length, ...RETURNS) };
  });
  return { ...object, programs };
}

/** An object of one program. */
export function randomObject(random: Random): ObjectSpec {
  const isArithmetic = random.below(2) === 0;
  const seed = isArithmetic ? objectOf("kprobe/f", `${PROLOGUE}\nr0 = 0\nexit`) : random.pick(SEEDS);
  const [program] = seed.programs;
  if (program === undefined) throw new RangeError("a seed without a program");
  const slots = isArithmetic ? arithmeticProgram(random) : mutated(random, program.instructions);
  return { ...seed, programs: [{ ...program, instructions: slots }] };
}
