/**
 * Builds the `*.bpf.c` of `FOLDERS` with clang and writes down in each folder's `objects.json` what was built from what, so that a
 * source and an object that no longer belong together are noticed without a compiler.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { CLANGS } from "../../src/bench/clang.ts";

export const FOLDERS = ["examples/bpf", "test/programs"] as const;

const manifestOf = (folder: string): string => join(folder, "objects.json");

/** SHA-256 digests in hex: of a program's source together with all headers of the folder and theirs, and of its object. */
export interface ObjectRow {
  readonly source: string;
  readonly object: string;
}

export interface Manifest {
  /** The clang version that made the objects: other versions make other, equally good bytes. */
  readonly clang: string;
  readonly objects: Readonly<Record<string, ObjectRow>>;
}

export interface Toolchain {
  readonly clang: string;
  readonly strip: string;
  readonly version: string;
}

const CLANG_OPTIONS = [
  ...["-target", "bpf", "-mcpu=v3", "-O2", "-g"],
  ...["-Wall", "-Wextra", "-Wno-unused-parameter", "-Werror"],
  // Nothing of the machine may be in the object: paths are relative to the repository.
  "-fdebug-compilation-dir=.",
];

/** Names of the programs: `memleak` for `memleak.bpf.c`. */
export function programNames(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".bpf.c"))
    .map((name) => name.slice(0, -".bpf.c".length))
    .sort();
}

function versionOf(command: string): string | undefined {
  const { status, stdout } = spawnSync(command, ["--version"], { encoding: "utf8" });
  return status === 0 ? /version (\d+\.\d+\.\d+)/.exec(stdout)?.[1] : undefined;
}

/**
 * A clang and its llvm-strip: what `CLANG` and `LLVM_STRIP` name, else the first found, the wanted version before
 * others. None where there is no pair of the same major version.
 */
export function findToolchain(wanted?: string): Toolchain | undefined {
  const chosen = process.env["CLANG"];
  const found: Toolchain[] = [];
  for (const clang of chosen === undefined ? CLANGS : [chosen]) {
    const version = versionOf(clang);
    if (version === undefined) continue;
    const major = version.split(".", 1)[0] ?? "";
    const strips = [process.env["LLVM_STRIP"] ?? clang.replace(/clang(-\d+)?$/, "llvm-strip$1"), `llvm-strip-${major}`];
    const strip = [...strips, "llvm-strip"].find((name) => versionOf(name)?.startsWith(`${major}.`));
    if (strip !== undefined) found.push({ clang, strip, version });
  }
  return found.find((toolchain) => toolchain.version === wanted) ?? found[0];
}

function run(command: string, args: readonly string[]): void {
  const { status, stderr, error } = spawnSync(command, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} failed: ${error?.message ?? stderr.trim()}`);
}

/** Compiles one program; DWARF is taken out again, BTF and its line information stay. */
export function compile(toolchain: Toolchain, folder: string, name: string, output: string): void {
  run(toolchain.clang, [...CLANG_OPTIONS, "-c", `${folder}/${name}.bpf.c`, "-o", output]);
  run(toolchain.strip, ["--strip-debug", output]);
}

/** A folder's headers, and those of other folders that they include. */
function headersOf(folder: string): string[] {
  const own = readdirSync(folder).filter((file) => file.endsWith(".h"));
  const others = own.flatMap((file) =>
    [...readFileSync(join(folder, file), "utf8").matchAll(/^#include "(.*\/.*)"$/gm)].flatMap(([, path = ""]) => [
      path,
    ]),
  );
  return [...own, ...others].sort();
}

/** The row that `objects.json` must hold for a program as it lies in the folder now. */
export function describeObject(folder: string, name: string): ObjectRow {
  const source = createHash("sha256");
  for (const file of [`${name}.bpf.c`, ...headersOf(folder)])
    source.update(`${file}\0`).update(readFileSync(join(folder, file)));
  return {
    source: source.digest("hex"),
    object: createHash("sha256")
      .update(readFileSync(`${folder}/${name}.bpf.o`))
      .digest("hex"),
  };
}

export function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(manifestOf(folder), "utf8")) as Manifest;
}

function main(): void {
  const toolchain = findToolchain();
  if (toolchain === undefined) {
    const chosen = process.env["CLANG"];
    const tried = chosen === undefined ? CLANGS.join(", ") : `CLANG=${chosen}`;
    console.error(`no clang with its llvm-strip found (tried ${tried}); install LLVM 16 or newer, or set CLANG`);
    console.error("the objects in the repository are ready to use: only a changed program needs clang");
    process.exit(1);
  }
  for (const folder of FOLDERS) {
    const objects: Record<string, ObjectRow> = {};
    for (const name of programNames(folder)) {
      compile(toolchain, folder, name, `${folder}/${name}.bpf.o`);
      objects[name] = describeObject(folder, name);
      console.error(`${folder}/${name}.bpf.o`);
    }
    const manifest: Manifest = { clang: toolchain.version, objects };
    writeFileSync(manifestOf(folder), `${JSON.stringify(manifest, null, 2)}\n`);
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) main();
