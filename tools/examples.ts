/**
 * Builds `examples/bpf/*.bpf.c` with clang and writes down in `objects.json` what was built from what, so that a
 * source and an object that no longer belong together are noticed without a compiler.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

export const EXAMPLES_FOLDER = "examples/bpf";
export const MANIFEST: string = `${EXAMPLES_FOLDER}/objects.json`;

/** SHA-256 digests in hex: of a program's source together with all headers of the folder, and of its object. */
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

const CLANG_NAMES = ["clang", "clang-21", "clang-20", "clang-19", "clang-18", "clang-17", "clang-16"];

/** Names of the programs: `memleak` for `memleak.bpf.c`. */
export function programNames(): string[] {
  return readdirSync(EXAMPLES_FOLDER)
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
  for (const clang of chosen === undefined ? CLANG_NAMES : [chosen]) {
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
export function compile(toolchain: Toolchain, name: string, output: string): void {
  run(toolchain.clang, [...CLANG_OPTIONS, "-c", `${EXAMPLES_FOLDER}/${name}.bpf.c`, "-o", output]);
  run(toolchain.strip, ["--strip-debug", output]);
}

/** The row that `objects.json` must hold for a program as it lies in the folder now. */
export function describeObject(name: string, objectPath = `${EXAMPLES_FOLDER}/${name}.bpf.o`): ObjectRow {
  const source = createHash("sha256");
  const headers = readdirSync(EXAMPLES_FOLDER).filter((file) => file.endsWith(".h"));
  for (const file of [`${name}.bpf.c`, ...headers.sort()])
    source.update(`${file}\0`).update(readFileSync(join(EXAMPLES_FOLDER, file)));
  return {
    source: source.digest("hex"),
    object: createHash("sha256").update(readFileSync(objectPath)).digest("hex"),
  };
}

export function readManifest(): Manifest {
  return JSON.parse(readFileSync(MANIFEST, "utf8")) as Manifest;
}

function main(): void {
  const toolchain = findToolchain();
  if (toolchain === undefined) {
    const chosen = process.env["CLANG"];
    const tried = chosen === undefined ? CLANG_NAMES.join(", ") : `CLANG=${chosen}`;
    console.error(`no clang with its llvm-strip found (tried ${tried}); install LLVM 16 or newer, or set CLANG`);
    console.error("the objects in the repository are ready to use: only a changed program needs clang");
    process.exit(1);
  }
  mkdirSync(EXAMPLES_FOLDER, { recursive: true });
  const objects: Record<string, ObjectRow> = {};
  for (const name of programNames()) {
    compile(toolchain, name, `${EXAMPLES_FOLDER}/${name}.bpf.o`);
    objects[name] = describeObject(name);
    console.error(`${EXAMPLES_FOLDER}/${name}.bpf.o`);
  }
  const manifest: Manifest = { clang: toolchain.version, objects };
  writeFileSync(MANIFEST, `${JSON.stringify(manifest, null, 2)}\n`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) main();
