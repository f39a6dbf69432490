/** Object files as commands get them. */
import { readFile } from "node:fs/promises";
import { readObject } from "../bpf/object/object.ts";
import type { ObjectSpec } from "../bpf/object/spec.ts";
import { AnyctxError } from "../error.ts";

const PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EACCES: "permission denied",
  EISDIR: "it is a folder",
  ENOTDIR: "a part of the path is no folder",
};

/** @throws {AnyctxError} BAD_OBJECT for a path that cannot be read, and for what is no BPF object */
export async function openObject(path: string): Promise<ObjectSpec> {
  const bytes = await readFile(path).catch((cause: NodeJS.ErrnoException) => {
    const problem = PROBLEMS[cause.code ?? ""] ?? cause.message;
    throw new AnyctxError("BAD_OBJECT", `cannot read ${path}: ${problem}`, { cause });
  });
  return readObject(bytes, path);
}
