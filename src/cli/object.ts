/** Object files as commands get them. */
import { readFile } from "node:fs/promises";
import { readObject } from "../bpf/object/object.ts";
import { type ObjectSpec, setVariable } from "../bpf/object/spec.ts";
import { AnyctxError } from "../error.ts";

const PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EACCES: "permission denied",
  EISDIR: "it is a folder",
  ENOTDIR: "a part of the path is no folder",
};

/**
 * @param set first values of variables
 * @throws {AnyctxError} BAD_OBJECT for a path that cannot be read, and for what is no BPF object; as `setVariable`
 */
export async function openObject(path: string, set: ReadonlyMap<string, string> = new Map()): Promise<ObjectSpec> {
  const bytes = await readFile(path).catch((cause: NodeJS.ErrnoException) => {
    const problem = PROBLEMS[cause.code ?? ""] ?? cause.message;
    throw new AnyctxError("BAD_OBJECT", `cannot read ${path}: ${problem}`, { cause });
  });
  const object = readObject(bytes, path);
  for (const [name, value] of set) setVariable(object, name, value);
  return object;
}
