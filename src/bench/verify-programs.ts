/** What `anyctx bench verify` looks at: an object's programs, and such as are made to take the verifier as much as they can. */
import { assemble } from "../bpf/isa/assemble.ts";
import { linkProgram } from "../bpf/link.ts";
import type { LinkedProgram } from "../bpf/linked.ts";
import type { ObjectSpec } from "../bpf/object/spec.ts";
import { specOfInstructions } from "../bpf/object/spec.ts";
import { verifyObject } from "../load/verify.ts";

export interface NamedProgram {
  readonly name: string;
  readonly program: LinkedProgram;
}

const END = "r0 = 0\nexit";
const LIMIT = 10_000_000;

function times(count: number, text: (index: number) => string): string {
  return Array.from({ length: count }, (_, index) => text(index)).join("\n");
}

/** A variable that no two paths agree on, and an access that it decides. */
const BRANCHES = times(40, (index) => `call get_prandom_u32\nif r0 > ${index + 5} goto +1\nr6 += ${1 << (index % 20)}`);
const INDEXED = "r6 &= 7\nr6 <<= 3\nr1 = r10\nr1 += -64\nr1 += r6\nr0 = *(u64 *)(r1 + 0)";

const WORDS = 64;
const FRAMES = 8;

/** A program in the last of eight functions, each with its whole stack full of copies of a number that is not known. */
function underFullStacks(program: string): string {
  const fill = times(WORDS, (word) => `*(u64 *)(r10 - ${8 * (word + 1)}) = r6`);
  const begin = `call get_prandom_u32\nr6 = r0\n${fill}`;
  const back = `r0 = *(u64 *)(r10 - ${8 * WORDS})\nexit`;
  const callers = times(FRAMES - 1, (index) => `f${index}:\n${begin}\ncall f${index + 1}\n${back}`);
  return `${callers}\nf${FRAMES - 1}:\n${begin}\n${program}\n${back}`;
}

const COMPARISONS = times(WORDS, (word) => `r1 = *(u64 *)(r10 - ${8 * (word + 1)})\nif r1 == ${word} goto +0`);

/** Each is looked at up to the limit. */
const HOSTILE: Readonly<Record<string, string>> = {
  "a loop of ten million rounds": `r1 = 0\nl:\nr1 += 1\nif r1 < ${LIMIT} goto l\n${END}`,
  "a loop that a bit of a sum ends":
    "r7 = *(u16 *)(r1 + 0)\nl:\nr7 += 0x1ab064b9\nif r7 & 0x702000 goto l\nr7 &= 0x1ee60e\nr7 += r1\n" +
    `if r7 s> 0x37d2 goto +0\n${END}`,
  "arithmetic in a loop":
    "call get_prandom_u32\nr6 = r0\nr8 = r0\nr8 &= 12345\nr7 = 0\nl:\nr6 *= r8\nr6 ^= r8\nr6 s>>= 3\nr6 /= 3\nr6 |= r7\n" +
    `w6 *= w8\nr6 <<= 2\nr6 &= r8\nr6 -= 5\nr6 s%= r8\nr7 += 1\nif r7 < ${LIMIT} goto l\n${END}`,
  "forty branches, all that they add up to": `r6 = 0\n${BRANCHES}\n${INDEXED}\nexit`,
  "the same under eight full stacks": underFullStacks(`r6 = 0\n${BRANCHES}\n${INDEXED}`),
  "comparisons of 64 copies of a number": underFullStacks(
    `r6 = 0\nl:\ncall get_prandom_u32\nr6 += 1\n*(u64 *)(r10 - ${8 * WORDS}) = r6\nif r0 > 100 goto l\n${COMPARISONS}\nif r6 < ${LIMIT} goto l`,
  ),
};

function hostile(name: string, text: string): NamedProgram {
  return { name, program: linkProgram(specOfInstructions(name, assemble(text)), name, new Map()) };
}

export function programsOf(object: ObjectSpec): NamedProgram[] {
  const real = verifyObject(object).flatMap(({ program: name, linked }) =>
    linked === undefined ? [] : [{ name, program: linked }],
  );
  return [...real, ...Object.entries(HOSTILE).map(([name, text]) => hostile(name, text))];
}
