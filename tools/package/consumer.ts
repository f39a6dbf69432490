/**
 * A project that uses the package as users do: installed from what `npm pack` makes, in a folder of its own. It needs npm, and
 * the network only for packages that are asked for beside ours.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { childEnvironment } from "../child.ts";

export interface Ran {
  readonly status: number | null;
  /** What it said, on both outputs. */
  readonly output: string;
}

/** Runs a command that is given so many seconds. */
export function run(command: string, args: readonly string[], cwd: string, seconds = 120): Ran {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    env: childEnvironment(),
    encoding: "utf8",
    timeout: seconds * 1000,
    killSignal: "SIGKILL",
  });
  return { status, output: `${stdout}${stderr}${error === undefined ? "" : error.message}`.trim() };
}

/** As `run`, of a command that has to succeed. */
export function mustRun(command: string, args: readonly string[], cwd: string, seconds?: number): string {
  const { status, output } = run(command, args, cwd, seconds);
  if (status !== 0) throw new Error(`${[command, ...args].join(" ")} failed with ${status}:\n${output}`);
  return output;
}

/** Packs the checkout as it is built; the path of the tarball, in `folder`. */
export function pack(folder: string): string {
  mkdirSync(folder, { recursive: true });
  const output = mustRun("npm", ["pack", "--ignore-scripts", "--silent", "--pack-destination", folder], ".");
  return join(resolve(folder), output.split("\n").at(-1) ?? "");
}

/** A fresh project in `folder` that has the packages installed: tarballs and names with versions. */
export function makeProject(folder: string, ...packages: readonly string[]): string {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }));
  mustRun("npm", ["install", "--no-audit", "--no-fund", "--loglevel=error", ...packages], folder, 300);
  return resolve(folder);
}

/** Ways in which projects look modules up, and the libraries that they may do without. */
const MODULES = [
  { module: "node16", moduleResolution: "node16" },
  { module: "esnext", moduleResolution: "bundler" },
] as const;
const LIBRARIES = [["es2022"], ["es2022", "dom"]] as const;

/**
 * Compiles test/package/use.ts in a project, strictly and with all declarations checked, without types of Node.
 * @param compiler `tsc` of the TypeScript in question
 * @returns what compilers complained about, with the settings it was
 */
export function typeErrors(project: string, compiler: string): string[] {
  cpSync("test/package/use.ts", join(project, "use.ts"));
  const found: string[] = [];
  for (const lookup of MODULES)
    for (const lib of LIBRARIES) {
      const compilerOptions = {
        ...lookup,
        lib,
        target: "es2022",
        types: [],
        strict: true,
        noEmit: true,
        skipLibCheck: false,
        exactOptionalPropertyTypes: true,
        noUncheckedIndexedAccess: true,
      };
      writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["use.ts"] }));
      const { status, output } = run(process.execPath, [compiler, "-p", project], project);
      if (status !== 0) found.push(`${lookup.moduleResolution}, ${lib.join("+")}: ${output}`);
    }
  return found;
}
