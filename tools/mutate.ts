/**
 * Mutation as a measure: how many small changes of the core its tests notice.
 *
 *   npm run mutate -- [--sample N] [--seed S] [--json]
 *
 * Each mutant is compiled in a copy of the checkout and goes through the golden files, the unit tests beside it, the
 * machine and the other unit tests, until one of them fails or does not end. What compiles to the core's own bytes is equivalent, and so is what
 * `test/sim/equivalent.ts` gives a reason for. The same seed gives the same sample; the checkout is never changed.
 */
import { createHash } from "node:crypto";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { SingleBar } from "cli-progress";
import { EQUIVALENT } from "../test/sim/equivalent.ts";
import { type Done, runChild } from "./child.ts";
import { applyMutant, type Mutant, mutantsOf, sampleOf } from "./mutants.ts";

/** What a mutant's tests need of the checkout. */
const COPIED = ["core", "src", "test", "tools", "build", "dist", "package.json", "tsconfig.json"];
/** Tests of what stands on the core and shows most of it: the rest of `src/` is not its business. */
const ABOVE = [
  "src/arena/allocator.test.ts",
  "src/arena/account.test.ts",
  "src/arena/attach.test.ts",
  "src/arena/inner-maps.test.ts",
  "src/maps/many.test.ts",
  "src/maps/map.test.ts",
  "src/maps/modify.test.ts",
  "test/vectors.test.ts",
  "src/bpf/helpers/helpers.test.ts",
];
const UNIT_TESTS = "tools/mutate-tests.ts";
const NODE_TEST = ["--import", "tsx"];
/** Below this the measure fails. */
const SHARE_KILLED = 0.9;

type Killer = "golden" | "unit" | "machine";

interface Step {
  readonly by: Killer;
  /** A script and its arguments. */
  readonly run: readonly string[];
}

interface Judged {
  readonly mutant: Mutant;
  readonly verdict: "not compiled" | "same bytes" | "survived" | Killer;
}

/** Names of the core's sources in their order. */
function coreFiles(): string[] {
  const names = readdirSync("core", { recursive: true, encoding: "utf8" }).map((name) => join("core", name));
  return names.filter((name) => name.endsWith(".ts")).sort();
}

/** What kills, in its order: the quickest, then the tests beside the mutant, as they are the likeliest. */
function stepsFor(folder: string): Step[] {
  const isNear = (test: string): boolean => dirname(test) === folder;
  const tests = coreFiles().filter((name) => name.endsWith(".test.ts"));
  const unit = (files: readonly string[]): Step => ({ by: "unit", run: [UNIT_TESTS, ...files] });
  const near = tests.filter(isNear);
  return [
    { by: "golden", run: ["test/golden.test.ts"] },
    ...(near.length > 0 ? [unit(near)] : []),
    { by: "machine", run: ["tools/mutate-machine.ts"] },
    unit([...tests.filter((test) => !isNear(test)), ...ABOVE]),
  ];
}

function makeCopy(): string {
  const copy = mkdtempSync(join(tmpdir(), "anyctx-mutant-"));
  for (const path of COPIED)
    cpSync(path, join(copy, path), { recursive: true, filter: (name) => !name.startsWith(join("build", "canaries")) });
  symlinkSync(join(process.cwd(), "node_modules"), join(copy, "node_modules"));
  return copy;
}

function hashOfBuild(copy: string): string {
  const hash = createHash("sha256");
  for (const name of ["core.wasm", "core.sim.wasm"]) hash.update(readFileSync(join(copy, "build", name)));
  return hash.digest("hex");
}

const COMPILE_MILLISECONDS = 120_000;
/** How much longer than with the true core a step may take, and the least of it. */
const TIMES_LONGER = 5;
const LEAST_MILLISECONDS = 20_000;
/** Characters of what a failing step said. */
const MOST_SHOWN = 4000;

function compile(copy: string): Promise<Done> {
  return runChild(["build/tools/tools/compile.js", "mutant"], copy, COMPILE_MILLISECONDS);
}

/** A copy of the checkout with what the true core takes and compiles to. */
class Bench {
  readonly copy: string = makeCopy();
  /** Milliseconds by script: of all unit tests together, as it is one script that runs them. */
  readonly #limits = new Map<string, number>();
  #bytes = "";

  /** The true core: every step has to be green, or nothing that kills would mean anything. */
  async prepare(): Promise<void> {
    await this.#mustPass("the core's compiler", compile(this.copy));
    this.#bytes = hashOfBuild(this.copy);
    // No test is beside these files, so the steps are of all tests.
    for (const { run } of stepsFor("core")) {
      const begun = performance.now();
      await this.#mustPass(run.join(" "), runChild([...NODE_TEST, ...run], this.copy, COMPILE_MILLISECONDS));
      const limit = Math.ceil(TIMES_LONGER * (performance.now() - begun));
      this.#limits.set(run[0] ?? "", Math.max(LEAST_MILLISECONDS, limit));
    }
  }

  async #mustPass(what: string, run: Promise<Done>): Promise<void> {
    const { status, stdout, stderr } = await run;
    if (status !== 0) throw new Error(`${what} fails without a mutant:\n${`${stdout}${stderr}`.slice(-MOST_SHOWN)}`);
  }

  /** As prepared, with a copy of its own. */
  another(): Bench {
    const other = new Bench();
    other.#bytes = this.#bytes;
    for (const [script, limit] of this.#limits) other.#limits.set(script, limit);
    return other;
  }

  async judge(mutant: Mutant): Promise<Judged> {
    const path = join(this.copy, mutant.file);
    const text = readFileSync(path, "utf8");
    writeFileSync(path, applyMutant(text, mutant));
    try {
      return { mutant, verdict: await this.#verdict(mutant) };
    } finally {
      writeFileSync(path, text);
    }
  }

  async #verdict(mutant: Mutant): Promise<Judged["verdict"]> {
    if ((await compile(this.copy)).status !== 0) return "not compiled";
    if (hashOfBuild(this.copy) === this.#bytes) return "same bytes";
    for (const { by, run } of stepsFor(dirname(mutant.file))) {
      const limit = this.#limits.get(run[0] ?? "") ?? LEAST_MILLISECONDS;
      const { status } = await runChild([...NODE_TEST, ...run], this.copy, limit);
      if (status !== 0) return by;
    }
    return "survived";
  }

  remove(): void {
    rmSync(this.copy, { recursive: true, force: true });
  }
}

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
