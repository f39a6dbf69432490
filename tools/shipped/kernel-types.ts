/**
 * Writes types of a kernel as a module of src/bpf/shipped/: `npm run kernel-types -- NAME [FILE] [--objects FOLDER]`. FILE is the kernel's
 * BTF, a vmlinux or a bootable image (vmlinuz); the running kernel's BTF if it is not given. The types are those that the objects of
 * Debian's libbpf-tools (or of a folder, once they were cut out), of the examples and of test/programs relocate against, those of the
 * kernel's objects that recordings tell of, and those that these lead to.
 */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { release } from "node:os";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { known } from "../../src/bpf/kernel/functions.ts";
import type { Btf } from "../../src/bpf/object/btf.ts";
import { essentialName } from "../../src/bpf/object/core-access.ts";
import { readKernelTypes, readObject } from "../../src/bpf/object/object.ts";
import { RAW_ARGUMENTS } from "../../src/bpf/programs/raw-tracepoint.ts";
import { fetchPackage, type Named, objectsIn } from "../programs/libbpf-tools.ts";
import { cutTypes, encodeTypes, type Roots } from "./btf-cut.ts";

const RUNNING = "/sys/kernel/btf/vmlinux";
const FOLDERS = ["examples/bpf", "test/programs"];
const LINE = 116;

/** A bootable image of x86 (Linux's `Documentation/arch/x86/boot.rst`): where the packed kernel lies in it, and what it calls itself. */
const IMAGE = { magic: 0x202, sectors: 0x1f1, version: 0x20e, payload: 0x248, length: 0x24c } as const;
const SECTOR = 512;

interface Kernel {
  readonly btf: Btf;
  readonly release: string;
}

/** What a kernel is packed by, by its first bytes. Behind it is the length, which the commands do not like and have written all before. */
const PACKINGS: readonly (readonly [begin: string, command: string, ...args: string[]])[] = [
  ["fd377a585a00", "xz", "-dc", "--single-stream"],
  ["28b52ffd", "zstd", "-dc"],
  ["1f8b", "gzip", "-dc"],
];
const MOST_BYTES = 2 ** 28;

function unpacked(bytes: Buffer, name: string): Buffer {
  const [, command = "", ...args] =
    PACKINGS.find(([begin]) => bytes.toString("hex", 0, begin.length / 2) === begin) ?? [];
  const { stdout } = spawnSync(command, args, { input: bytes, maxBuffer: MOST_BYTES });
  if (stdout === null || stdout.length === 0)
    throw new Error(`${name}: its kernel cannot be unpacked by ${command || "any command"}`);
  return stdout;
}

function textAt(bytes: Buffer, at: number): string {
  return bytes.toString("latin1", at, bytes.indexOf(0, at));
}

function readKernel(path: string | undefined): Kernel {
  if (path === undefined)
    return { btf: readKernelTypes(readFileSync(RUNNING), RUNNING), release: release().replace(/-.*/, "") };
  const file = readFileSync(path);
  if (file.toString("latin1", IMAGE.magic, IMAGE.magic + 4) !== "HdrS")
    return { btf: readKernelTypes(file, path), release: "" };
  const begin = (file.readUInt8(IMAGE.sectors) + 1) * SECTOR + file.readUInt32LE(IMAGE.payload);
  const payload = file.subarray(begin, begin + file.readUInt32LE(IMAGE.length));
  const called = textAt(file, file.readUInt16LE(IMAGE.version) + SECTOR).split(" ")[0] ?? "";
  return { btf: readKernelTypes(unpacked(payload, path), path), release: called };
}

/** What is not a kernel's: types of the program itself. */
const OWN = "local_type_id";

/** Names of types that objects relocate against. */
function relocatedIn(objects: readonly Named[]): string[] {
  return objects.flatMap(({ name, bytes }) => {
    const { btf, functions } = readObject(bytes, name);
    const relocations = functions.flatMap(({ coreRelocations }) => coreRelocations);
    return relocations.flatMap(({ typeId, kind }) =>
      kind === OWN ? [] : [essentialName(btf?.types[typeId]?.name ?? "")],
    );
  });
}

/** Names of the kernel's structs that recordings tell of. */
function toldStructs(): string[] {
  const raw = Object.values(RAW_ARGUMENTS).flatMap((row) =>
    row.flatMap((argument) => ("object" in argument ? argument.object.structs : [])),
  );
  const called = [...known().values()].flatMap(({ parameters, returned }) =>
    [...parameters, ...(returned === undefined ? [] : [returned])].flatMap(({ struct }) => struct ?? []),
  );
  return [...raw, ...called];
}

/** The same with what pointers in them lead to. */
function withNext(btf: Btf, roots: Roots): Roots {
  const next = cutTypes(btf, roots).types.filter(({ kind }) => kind === "fwd");
  return { ...roots, types: new Set([...roots.types, ...next.map(({ name }) => name)]) };
}

const { values, positionals } = parseArgs({ options: { objects: { type: "string" } }, allowPositionals: true });
const [name, path, ...more] = positionals;
if (name === undefined || more.length > 0 || !/^linux-\d+\.\d+$/.test(name)) {
  console.error("usage: npm run kernel-types -- linux-N.N [FILE] [--objects FOLDER]");
  process.exit(2);
}
const kernel = readKernel(path);
const field = values.objects === undefined ? fetchPackage() : objectsIn(values.objects);
const asked = new Set([...relocatedIn([...field, ...FOLDERS.flatMap(objectsIn)]), ...toldStructs()]);
asked.delete("");
const roots = withNext(kernel.btf, { types: asked, functions: new Set(known().keys()) });
const bytes = encodeTypes(cutTypes(kernel.btf, roots));
const there = new Set(
  kernel.btf.types.filter(({ kind }) => kind !== "fwd" && kind !== "func").map((each) => each.name),
);
const without = [...asked].filter((each) => !there.has(each)).sort();
const packed = gzipSync(bytes, { level: 9 }).toString("base64");
const constant = name.toUpperCase().replace(/[-.]/g, "_");
const lines = packed.match(new RegExp(`.{1,${LINE}}`, "g")) ?? [];
const file = `src/bpf/shipped/${name}.ts`;
writeFileSync(
  file,
  `/** Written by tools/shipped/kernel-types.ts: types of Linux ${kernel.release} on x86-64. */
import type { KernelTypes } from "./kernel-types.ts";

export const ${constant}: KernelTypes = {
  name: ${JSON.stringify(name)},
  release: ${JSON.stringify(kernel.release)},
  without: ${JSON.stringify(without.join(" "))},
  packed: \`
${lines.join("\n")}
\`,
};
`,
);
console.log(
  `${file}: ${roots.types.size} types asked for, ${bytes.length} bytes, ${packed.length} packed; not there: ${without.join(" ")}`,
);
