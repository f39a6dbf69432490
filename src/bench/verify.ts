/**
 * How fast the verifier is: instructions a second on all paths together, for real programs and for those that are made to take long, and
 * the most memory that a process has which looks at one. Each look has its own process, as with `anyctx verify`: nothing is warm.
 */
import { readFile } from "node:fs/promises";
import { readObject } from "../bpf/object/object.ts";
import { runChild } from "./child.ts";
import { type Spread, spreadOf } from "./statistics.ts";
import { programsOf } from "./verify-programs.ts";

/** What one look took. */
export interface Look {
  readonly verdict: "accepted" | "rejected";
  readonly instructions: number;
  readonly states: number;
  readonly milliseconds: number;
  /** The most bytes of memory that the process has had, with the engine and the program's own object. */
  readonly peakBytes: number;
}

export interface VerifyRate extends Pick<Look, "verdict" | "instructions" | "states"> {
  readonly name: string;
  readonly perSecond: Spread;
  readonly milliseconds: Spread;
  readonly peakBytes: Spread;
}

function rateOf(name: string, looks: readonly [Look, ...Look[]]): VerifyRate {
  const [{ verdict, instructions, states }] = looks;
  return {
    ...{ name, verdict, instructions, states },
    perSecond: spreadOf(looks.map(({ milliseconds }) => (instructions * 1000) / milliseconds)),
    milliseconds: spreadOf(looks.map(({ milliseconds }) => milliseconds)),
    peakBytes: spreadOf(looks.map(({ peakBytes }) => peakBytes)),
  };
}

/**
 * @param object an object file
 * @param rounds looks at each program
 * @param progress called with the share that is done, 0 to 1
 */
export async function measureVerify(
  object: string,
  rounds = 11,
  progress: (share: number) => void = () => undefined,
): Promise<VerifyRate[]> {
  const programs = programsOf(readObject(await readFile(object), object));
  const rates: VerifyRate[] = [];
  for (const { name } of programs) {
    const looks: Look[] = [];
    for (let round = 0; round < rounds; round++) {
      const child = { module: "verify-child", arguments: [object, name], messages: 1, what: `the program "${name}"` };
      looks.push(...(await runChild<Look>(child)));
      progress((rates.length + looks.length / rounds) / programs.length);
    }
    const [first, ...rest] = looks;
    if (first !== undefined) rates.push(rateOf(name, [first, ...rest]));
  }
  return rates;
}
