/** Object files as commands get them. */
import { readFile } from "node:fs/promises";
import type { Btf } from "../bpf/object/btf.ts";
import { choosePrograms, retarget } from "../bpf/object/choose.ts";
import { relocateTypes } from "../bpf/object/core-relocate.ts";
import { readKernelTypes, readObject } from "../bpf/object/object.ts";
import { type ObjectSpec, setVariable } from "../bpf/object/spec.ts";
import { unpackTypes } from "../bpf/shipped/kernel-types.ts";
import { SHIPPED } from "../bpf/shipped/table.ts";
import { AnyctxError } from "../error.ts";
import { printable } from "./text.ts";

const LOCAL = "local";

const PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EACCES: "permission denied",
  EISDIR: "it is a folder",
  ENOTDIR: "a part of the path is no folder",
};

async function readBytes(path: string): Promise<Uint8Array> {
  return readFile(path).catch((cause: NodeJS.ErrnoException) => {
    const problem = PROBLEMS[cause.code ?? ""] ?? cause.message;
    throw new AnyctxError("BAD_OBJECT", `cannot read ${path}: ${problem}`, { cause });
  });
}

/** How an object is opened. */
export interface OpenOptions {
  /** First values of variables. */
  readonly set?: ReadonlyMap<string, string>;
  /** The types of the kernel that it is for: of one that come along, by its name, or a file; `local`, as if not given: its own. */
  readonly targetBtf?: string;
  /** What programs run on, by their names: what follows the first part of their sections. */
  readonly attach?: ReadonlyMap<string, string>;
  /** Programs to keep; all of them if not given. */
  readonly programs?: readonly string[];
}

/** @throws {AnyctxError} BAD_OBJECT for a path that cannot be read, and for what is no BPF object */
export async function readPath(path: string): Promise<ObjectSpec> {
  return readObject(await readBytes(path), path);
}

async function typesNamed(name: string, own: ObjectSpec): Promise<Btf | undefined> {
  if (name === LOCAL) return own.btf;
  const shipped = Object.hasOwn(SHIPPED, name) ? SHIPPED[name] : undefined;
  return shipped === undefined ? readKernelTypes(await readBytes(name), name) : unpackTypes(await shipped());
}

/** @throws {AnyctxError} BAD_OBJECT for types that cannot be read; EINVAL for programs that it does not have; as `setVariable` */
export async function prepareObject(read: ObjectSpec, options: OpenOptions): Promise<ObjectSpec> {
  const { set, targetBtf = LOCAL, attach = new Map<string, string>(), programs } = options;
  const own = choosePrograms(retarget(read, attach), programs);
  const { object, unknown } = relocateTypes(own, await typesNamed(targetBtf, own));
  if (unknown.length > 0)
    process.stderr.write(
      `anyctx: warning: ${printable(read.name)}: what comes along of ${targetBtf} does not have ${printable(unknown.join(", "))}: ` +
        "the object's own types are taken for it\n",
    );
  for (const [name, value] of set ?? []) setVariable(object, name, value);
  return object;
}

/** @throws {AnyctxError} as `readPath` and `prepareObject` */
export async function openObject(path: string, options: OpenOptions = {}): Promise<ObjectSpec> {
  return prepareObject(await readPath(path), options);
}
