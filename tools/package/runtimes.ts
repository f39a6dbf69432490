/**
 * Runs the smoke (test/runtimes/smoke.mjs) and the command line in every runtime: `npm run runtimes [-- WORD]`, those whose name
 * contains a word. Runtimes are npm packages, installed into build/runtimes; one that cannot be had is skipped with the reason.
 * TypeScript's versions are runtimes as well, of the package's types. And the checks of others on what is published.
 */
import { cpSync, existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { makeProject, pack, type Ran, run, typeErrors } from "./consumer.ts";

const FOLDER = "build/runtimes";

type Check = (project: string, packed: string) => Ran;

interface Row {
  readonly name: string;
  /** The npm package that it is. */
  readonly needs: string;
  readonly check: Check;
}

const PASSED: Ran = { status: 0, output: "ok" };

/** The first that failed, or the last. */
function inTurn(...steps: readonly (() => Ran)[]): Ran {
  let last = PASSED;
  for (const step of steps) {
    last = step();
    if (last.status !== 0) return last;
  }
  return last;
}

function bin(project: string, name: string): string {
  return join(project, "node_modules/.bin", name);
}

/** By a runtime's command, with what it wants before the path of a script. */
function smoke(command: string, ...before: readonly string[]): Check {
  return (project) => {
    cpSync("test/runtimes/smoke.mjs", join(project, "smoke.mjs"));
    const main = join(project, "node_modules/anyctx/dist/cli/main.js");
    return inTurn(
      () => run(bin(project, command), ["--version"], project),
      () => run(bin(project, command), [...before, main, "contexts"], project),
      () => run(bin(project, command), [...before, "smoke.mjs"], project),
    );
  };
}

const compile: Check = (project) => {
  const errors = typeErrors(project, join(project, "node_modules/typescript/bin/tsc"));
  return errors.length === 0 ? PASSED : { status: 1, output: errors.join("\n") };
};

/** The package is a module and says so: that `require` of older Nodes does not load it is meant. No types come with the wasm. */
const typesAreRight: Check = (project, packed) =>
  run(bin(project, "attw"), [packed, "--profile", "esm-only", "--exclude-entrypoints", "core.wasm"], project);

const ROWS: readonly Row[] = [
  ...["20.19", "22", "24", "latest"].map((version) => ({
    name: `node ${version}`,
    needs: `node@${version}`,
    check: smoke("node"),
  })),
  { name: "deno", needs: "deno@2", check: smoke("deno", "run", "-A") },
  { name: "bun", needs: "bun@1", check: smoke("bun") },
  ...["5.4", "5.9", "6.0", "7.0"].map((version) => ({
    name: `typescript ${version}`,
    needs: `typescript@${version}`,
    check: compile,
  })),
  { name: "are the types wrong", needs: "@arethetypeswrong/cli@0.18.5", check: typesAreRight },
];

/** A project with the package and what the row needs; a sentence if that cannot be had. */
function prepare({ name, needs }: Row, packed: string): { readonly project?: string; readonly reason: string } {
  try {
    const project = makeProject(join(FOLDER, name.replace(/\W/g, "-")), packed, needs);
    return { project, reason: "" };
  } catch (error) {
    return { reason: String(error).split("\n").slice(0, 3).join(" ") };
  }
}

function main(words: readonly string[]): void {
  if (!existsSync("dist/index.js")) throw new Error("runtimes: run `npm run build` first");
  const packed = pack(FOLDER);
  const rows = ROWS.filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)));
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const row of rows) {
    const { project, reason } = prepare(row, packed);
    if (project === undefined) {
      console.log(`skipped  ${row.name}: ${row.needs} cannot be had: ${reason}`);
      counts.skipped++;
      continue;
    }
    const { status, output } = row.check(project, resolve(packed));
    counts[status === 0 ? "passed" : "failed"]++;
    console.log(`${status === 0 ? "passed" : "failed"}   ${row.name}${status === 0 ? "" : `\n${output}`}`);
  }
  console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  if (counts.failed !== 0 || rows.length === 0) process.exit(1);
}

main(process.argv.slice(2));
