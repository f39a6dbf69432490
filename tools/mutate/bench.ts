/** Where mutants are judged: a copy of the checkout, a compiler that stays warm, and the steps that may kill. */
import { type ChildProcess, fork, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { childEnvironment, runChild } from "../child.ts";
import { applyMutant, type Mutant } from "./mutants.ts";

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
/** What takes long, for dead threads that are waited for or because it compiles the core's inside: they come last. */
const SLOW = [
  "core/cpu/wait.test.ts",
  "core/base/atomics.test.ts",
  "core/base/bytes.test.ts",
  "core/base/number.test.ts",
  "core/base/stack.test.ts",
  "core/maps/value-lock.test.ts",
  "core/mem/pages.test.ts",
  "core/mem/slab.test.ts",
  "src/arena/attach.test.ts",
];
const [GOLDEN, TESTS, MACHINE, COMPILER] = [
  "test/golden.test.ts",
  "tools/mutate/tests.js",
  "tools/mutate/machine.js",
  "tools/mutate/compiler.js",
];
/** Everything a mutant runs, as plain JavaScript: each process would have to translate it first. */
const TRANSLATE = [
  ...["node_modules/typescript/bin/tsc", "-p", "tsconfig.json", "--noCheck", "--rootDir", "."],
  ...["--noEmit", "false", "--declaration", "false", "--isolatedDeclarations", "false"],
  ...["--allowImportingTsExtensions", "false", "--outDir"],
];

/** Far more than the compiler takes. */
const COMPILE_MILLISECONDS = 120_000;
/** How much longer than with the true core a step may say nothing, and the least of it. */
const TIMES_LONGER = 5;
const LEAST_MILLISECONDS = 20_000;
const MOST_MILLISECONDS = 600_000;
/** Characters of what a failing step said. */
const MOST_SHOWN = 4000;

type Killer = "golden" | "unit" | "machine";
/** The core that ships, or its instrumented twin. */
type Purpose = "ship" | "simulate";

interface Step {
  readonly name: "golden" | "near" | "machine" | "far" | "slow";
  readonly by: Killer;
  readonly core: Purpose;
  /** A script and its arguments. */
  readonly run: readonly string[];
}

export interface Judged {
  readonly mutant: Mutant;
  readonly verdict: "not compiled" | "same bytes" | "survived" | Killer;
}

/** Names of the core's sources in their order. */
export function coreFiles(): string[] {
  const names = readdirSync("core", { recursive: true, encoding: "utf8" }).map((name) => join("core", name));
  return names.filter((name) => name.endsWith(".ts")).sort();
}

/**
 * What kills, in its order: what is quick and the tests beside the mutant, as they are the likeliest; then the machine, for
 * which the core has to be compiled once more; what takes longest last.
 */
function stepsFor(file: string): Step[] {
  const tests = coreFiles().filter((name) => name.endsWith(".test.ts"));
  const beside = tests.filter((test) => dirname(test) === dirname(file));
  const around = tests.filter((test) => roomOf(test) === roomOf(file));
  const near = [...beside.filter((test) => subjectOf(test) === subjectOf(file)), ...beside, ...around];
  const far = [...tests, ...ABOVE].filter((test) => !near.includes(test));
  const unit = (name: Step["name"], files: readonly string[]): Step[] =>
    files.length === 0 ? [] : [{ name, by: "unit", core: "ship", run: [TESTS, ...new Set(files.map(translated))] }];
  return [
    { name: "golden", by: "golden", core: "ship", run: [TESTS, translated(GOLDEN)] },
    ...unit("near", near),
    { name: "machine", by: "machine", core: "simulate", run: [MACHINE, file] },
    ...unit(
      "far",
      far.filter((test) => !SLOW.includes(test)),
    ),
    ...unit(
      "slow",
      far.filter((test) => SLOW.includes(test)),
    ),
  ];
}

/** The folder of the core that a file is in or below. */
function roomOf(path: string): string {
  return path.split("/", 2).join("/");
}

/** The first word of a file's name. */
function subjectOf(path: string): string {
  return basename(path).split(/[-.]/)[0] ?? "";
}

function translated(path: string): string {
  return path.replace(/\.ts$/, ".js");
}

async function translateInto(copy: string): Promise<void> {
  const { status, stdout } = await runChild([...TRANSLATE, copy], ".", COMPILE_MILLISECONDS);
  if (status !== 0) throw new Error(`the tests cannot be translated:\n${stdout.slice(-MOST_SHOWN)}`);
}

interface Watched {
  /** Null: it was killed. */
  readonly status: number | null;
  /** The end of what it said. */
  readonly said: string;
  /** Longest time without a word. */
  readonly silence: number;
}

/** Runs a script that is killed once it has said nothing for so long: each test of many may take its time. */
async function watch(run: readonly string[], cwd: string, milliseconds: number): Promise<Watched> {
  const child = spawn(process.execPath, run, { cwd, env: childEnvironment(), stdio: ["ignore", "pipe", "pipe"] });
  let [said, silence, last] = ["", 0, performance.now()];
  const timer = setTimeout(() => child.kill("SIGKILL"), milliseconds);
  const hear = (text = ""): void => {
    timer.refresh();
    said = (said + text).slice(-MOST_SHOWN);
    const now = performance.now();
    silence = Math.max(silence, now - last);
    last = now;
  };
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", hear);
  const [status] = (await once(child, "close")) as [number | null];
  clearTimeout(timer);
  hear();
  return { status, said, silence };
}

/** The compiler's process; a mutant that it does not come back from costs a new one. */
class Compiler {
  readonly #copy: string;
  #child: ChildProcess | undefined;

  constructor(copy: string) {
    this.#copy = copy;
  }

  /** Whether the core could be made from the copy's source. */
  async make(purpose: Purpose): Promise<boolean> {
    this.#child ??= fork(COMPILER, { cwd: this.#copy, env: childEnvironment(), execArgv: [], stdio: "ignore" });
    const child = this.#child;
    const timer = setTimeout(() => child.kill("SIGKILL"), COMPILE_MILLISECONDS);
    const answer = new Promise<boolean | undefined>((resolve) => {
      child.once("message", (isMade) => resolve(isMade === true));
      child.once("exit", () => resolve(undefined));
    });
    child.send(purpose);
    const isMade = await answer;
    clearTimeout(timer);
    child.removeAllListeners();
    if (isMade === undefined) this.#child = undefined;
    return isMade === true;
  }

  end(): void {
    this.#child?.kill();
  }
}

/** What the true core is: hashes of its modules, and how long each step says nothing. */
interface Truth {
  readonly hashes: ReadonlyMap<Purpose, string>;
  readonly silences: ReadonlyMap<Step["name"], number>;
}

export class Bench {
  readonly copy: string = mkdtempSync(join(tmpdir(), "anyctx-mutant-"));
  readonly #compiler = new Compiler(this.copy);
  #truth: Truth = { hashes: new Map(), silences: new Map() };

  /** The true core in a new copy: every step has to be green, or nothing that kills would mean anything. */
  async prepare(): Promise<void> {
    for (const path of COPIED)
      cpSync(path, join(this.copy, path), { recursive: true, filter: (name) => !name.startsWith("build/canaries") });
    symlinkSync(join(process.cwd(), "node_modules"), join(this.copy, "node_modules"));
    await translateInto(this.copy);
    const hashes = new Map<Purpose, string>();
    for (const purpose of ["ship", "simulate"] as const) {
      if (!(await this.#compiler.make(purpose))) throw new Error("the core does not compile without a mutant");
      hashes.set(purpose, this.#hashOf(purpose));
    }
    const silences = new Map<Step["name"], number>();
    // The machine first without a file's name: it notes which scenarios come to which files.
    const steps = stepsFor("core/index.ts").map((step) =>
      step.name === "machine" ? { ...step, run: [MACHINE] } : step,
    );
    for (const { name, run } of steps) {
      const { status, said, silence } = await watch(run, this.copy, MOST_MILLISECONDS);
      if (status !== 0) throw new Error(`${run.join(" ")} fails without a mutant:\n${said}`);
      silences.set(name, silence);
    }
    this.#truth = { hashes, silences };
  }

  /** As prepared, with a copy of its own. */
  another(): Bench {
    const other = new Bench();
    cpSync(this.copy, other.copy, { recursive: true, verbatimSymlinks: true });
    other.#truth = this.#truth;
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
    const isMade = new Set<Purpose>();
    for (const purpose of ["ship", "simulate"] as const) {
      if (!(await this.#compiler.make(purpose))) return "not compiled";
      isMade.add(purpose);
      if (this.#hashOf(purpose) !== this.#truth.hashes.get(purpose)) break;
      if (purpose === "simulate") return "same bytes";
    }
    for (const { name, by, core, run } of stepsFor(mutant.file)) {
      if (!isMade.has(core) && !(await this.#compiler.make(core))) return "not compiled";
      isMade.add(core);
      const silence = TIMES_LONGER * (this.#truth.silences.get(name) ?? 0);
      const { status } = await watch(run, this.copy, Math.max(LEAST_MILLISECONDS, silence));
      if (status !== 0) return by;
    }
    return "survived";
  }

  #hashOf(purpose: Purpose): string {
    const name = purpose === "ship" ? "core.wasm" : "core.sim.wasm";
    return createHash("sha256")
      .update(readFileSync(join(this.copy, "build", name)))
      .digest("hex");
  }

  remove(): void {
    this.#compiler.end();
    rmSync(this.copy, { recursive: true, force: true });
  }
}
