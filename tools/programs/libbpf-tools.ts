/** The objects of the field: those inside of Debian's libbpf-tools, where apt can fetch them, and those of folders. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { embeddedObjects } from "./embedded.ts";

export const PACKAGE = "libbpf-tools";
export const OBJECT_FILE: RegExp = /\.o$/;
const ELF_MAGIC = 0x7f454c46;
const SECONDS = 300;

export interface Named {
  readonly name: string;
  readonly bytes: Uint8Array;
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return filesIn(path);
    return entry.isFile() ? [path] : [];
  });
}

export function objectsIn(folder: string): Named[] {
  const files = filesIn(folder).filter((path) => OBJECT_FILE.test(path));
  return files.sort().map((path) => ({ name: path.slice(folder.length + 1), bytes: readFileSync(path) }));
}

/** The package's tools have their objects inside of them. */
export function fetchPackage(): Named[] {
  const folder = mkdtempSync(join(tmpdir(), "objects-"));
  const run = (command: string, ...args: string[]): void => {
    execFileSync(command, args, { cwd: folder, stdio: "pipe", timeout: SECONDS * 1000 });
  };
  try {
    run("apt-get", "download", PACKAGE);
    const [archive = ""] = readdirSync(folder);
    run("dpkg-deb", "--extract", archive, "files");
    const programs = filesIn(join(folder, "files"));
    return programs.sort().flatMap((path) => objectsInside(basename(path), readFileSync(path)));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function objectsInside(name: string, file: Buffer): Named[] {
  if (file.length < 4 || file.readUInt32BE(0) !== ELF_MAGIC) return [];
  const inside = embeddedObjects(file);
  return inside.map((bytes, index) => ({ name: inside.length === 1 ? name : `${name}.${index + 1}`, bytes }));
}
