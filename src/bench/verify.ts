/**
 * How fast the verifier is: instructions a second on all paths together, for real programs and for those that are made to take long, and
 * the most memory that the process had by then.
 */
import { readFile } from "node:fs/promises";
import { assemble } from "../bpf/isa/assemble.ts";
import { linkProgram } from "../bpf/link.ts";
import type { LinkedProgram } from "../bpf/linked.ts";
import { readObject } from "../bpf/object/object.ts";
import { specOfInstructions } from "../bpf/object/spec.ts";
import { verifyProgram } from "../bpf/verifier/verify.ts";
import { verifyObject } from "../load/verify.ts";
import { type Spread, spreadOf } from "./statistics.ts";

export interface VerifyRate {
  readonly name: string;
  readonly verdict: "accepted" | "rejected";
  readonly instructions: number;
  readonly states: number;
  readonly perSecond: Spread;
  /** Of one look. */
  readonly milliseconds: Spread;
}

export interface VerifyRates {
  readonly rows: readonly VerifyRate[];
  /** The most bytes of memory that the process has had. */
  readonly peakBytes: number;
}

const BRANCHES = Array.from(
  { length: 40 },
  (_, index) => `call get_prandom_u32\nif r0 > ${index + 5} goto +1\nr6 += ${1 << (index % 20)}\n`,
);

/** Programs that are looked at up to the limit. */
const HOSTILE: Readonly<Record<string, string>> = {
  "a loop of ten million rounds": "r1 = 0\nl:\nr1 += 1\nif r1 < 10000000 goto l\nr0 = 0\nexit",
  "forty branches, all that they add up to": `r6 = 0\n${BRANCHES.join("")}r6 &= 7\nr6 <<= 3\nr1 = r10\nr1 += -64\nr1 += r6\nr0 = *(u64 *)(r1 + 0)\nexit`,
  "arithmetic in a loop":
    "call get_prandom_u32\nr6 = r0\nr8 = r0\nr8 &= 12345\nr7 = 0\nl:\nr6 *= r8\nr6 ^= r8\nr6 s>>= 3\nr6 /= 3\nr6 |= r7\n" +
    "w6 *= w8\nr6 <<= 2\nr6 &= r8\nr6 -= 5\nr6 s%= r8\nr7 += 1\nif r7 < 10000000 goto l\nr0 = 0\nexit",
};

async function programs(object: string): Promise<{ name: string; program: LinkedProgram }[]> {
  const real = verifyObject(readObject(await readFile(object), object)).flatMap(({ program: name, linked }) =>
    linked === undefined ? [] : [{ name, program: linked }],
  );
  const hostile = Object.entries(HOSTILE).map(([name, text]) => ({
    name,
    program: linkProgram(specOfInstructions(name, assemble(text)), name, new Map()),
  }));
  return [...real, ...hostile];
}

/**
 * @param object an object file
 * @param rounds looks at each program, after one that warms up
 * @param progress called with the share that is done, 0 to 1
 */
export async function measureVerify(
  object: string,
  rounds = 11,
  progress: (share: number) => void = () => undefined,
): Promise<VerifyRates> {
  const all = await programs(object);
  const rows = all.map(({ name, program }, index): VerifyRate => {
    const milliseconds: number[] = [];
    let found = verifyProgram(program);
    for (let round = 0; round < rounds; round++) {
      const begin = performance.now();
      found = verifyProgram(program);
      milliseconds.push(performance.now() - begin);
    }
    progress((index + 1) / all.length);
    const { verdict, instructions, states } = found;
    const perSecond = spreadOf(milliseconds.map((each) => (instructions * 1000) / each));
    return { name, verdict, instructions, states, perSecond, milliseconds: spreadOf(milliseconds) };
  });
  return { rows, peakBytes: process.resourceUsage().maxRSS * 1024 };
}
