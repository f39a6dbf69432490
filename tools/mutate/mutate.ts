/**
 * Mutation as a measure: how many small changes of the core its tests notice.
 *
 *   npm run mutate -- [--sample N] [--seed S] [--json]
 *
 * Each mutant is compiled in a copy of the checkout and goes through the golden files, the unit tests beside it, the
 * machine and the other unit tests, until one of them fails or does not end. What compiles to the core's own bytes is
 * equivalent, and so is what `test/sim/equivalent.ts` gives a reason for. The same seed gives the same sample; the checkout
 * is never changed.
 */
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { SingleBar } from "cli-progress";
import { EQUIVALENT } from "../../test/sim/equivalent.ts";
import { Bench, coreFiles, type Judged } from "./bench.ts";
import { type Mutant, mutantsOf, sampleOf } from "./mutants.ts";

/** Below this the measure fails. */
const SHARE_KILLED = 0.9;

/** Judges all, two at a time where there are CPUs for it. */
async function judgeAll(mutants: readonly Mutant[], see: (judged: Judged) => void): Promise<Judged[]> {
  const first = new Bench();
  const benches = [first];
  const judged: Judged[] = [];
  const left = [...mutants];
  const work = async (bench: Bench): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      const one = await bench.judge(next);
      judged.push(one);
      see(one);
    }
  };
  try {
    await first.prepare();
    if (availableParallelism() > 1) benches.push(first.another());
    await Promise.all(benches.map(work));
  } finally {
    for (const bench of benches) bench.remove();
  }
  return judged.sort((a, b) => mutants.indexOf(a.mutant) - mutants.indexOf(b.mutant));
}

function wholeNumber(text: string, what: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  console.error(`mutate: ${what} is a whole number, not ${text}`);
  process.exit(1);
}

const { values } = parseArgs({
  options: {
    sample: { type: "string", default: "20" },
    seed: { type: "string", default: "1" },
    json: { type: "boolean", default: false },
  },
});
const seed = wholeNumber(values.seed, "--seed");
const isSource = (name: string): boolean => !name.endsWith(".test.ts") && name !== join("core", "testing.ts");
const all = coreFiles()
  .filter(isSource)
  .flatMap((file) => mutantsOf(file, readFileSync(file, "utf8")));
const sample = sampleOf(all, wholeNumber(values.sample, "--sample"), seed);
const known = (mutant: Mutant): boolean =>
  EQUIVALENT.some(({ file, change }) => file === mutant.file && change === mutant.change);
const bar = new SingleBar({ format: "mutants [{bar}] {value} of {total}", clearOnComplete: true, noTTYOutput: false });
const open = sample.filter((mutant) => !known(mutant));
bar.start(open.length, 0);
let seen = 0;
/** Survivors are said as they are found: a large sample takes an hour. */
const judged = await judgeAll(open, ({ mutant, verdict }) => {
  seen++;
  if (verdict !== "survived" || values.json) return bar.update(seen);
  bar.stop();
  console.log(`survived ${mutant.file}:${mutant.line}  ${mutant.change}`);
  bar.start(open.length, seen);
});
bar.stop();

const count = (...verdicts: readonly Judged["verdict"][]): number =>
  judged.filter(({ verdict }) => verdicts.includes(verdict)).length;
const byWhom = { golden: count("golden"), unit: count("unit"), machine: count("machine") };
const result = {
  seed,
  possible: all.length,
  mutants: sample.length,
  equivalent: sample.length - open.length + count("same bytes"),
  compiled: judged.length - count("not compiled", "same bytes"),
  killed: count("golden", "unit", "machine"),
  byWhom,
  survived: judged
    .filter(({ verdict }) => verdict === "survived")
    .map(({ mutant: { file, line, change } }) => ({ file, line, change })),
};
if (values.json) console.log(JSON.stringify(result, null, 2));
else
  console.log(
    `seed ${seed}: ${result.mutants} of ${result.possible} mutants, ${result.equivalent} equivalent, ${result.compiled} compiled, ` +
      `${result.killed} killed: ${byWhom.golden} by the golden files, ${byWhom.unit} by unit tests, ${byWhom.machine} by the machine`,
  );
if (result.killed < SHARE_KILLED * result.compiled) process.exitCode = 1;
