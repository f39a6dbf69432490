/** Formats from a folder of tracefs `format` files: the part of the formats that needs Node. */
import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { AnyctxError } from "../../error.ts";
import { type FormatTable, type FtraceFormat, parseFormat } from "./format.ts";

/**
 * Reads every format below `folder`: `<category>/<event>/format` as in tracefs' `events`, or `<category>/<event>.format`.
 * In order of path; of two events with the same name the later is left out, as the trace's text cannot tell them apart.
 * @throws {AnyctxError} BAD_TRACE naming the file, when one is no format or there is none
 */
export function loadFormats(folder: string): FormatTable {
  const formats = new Map<string, FtraceFormat>();
  for (const path of formatFiles(folder)) {
    const category = basename(path) === "format" ? basename(dirname(dirname(path))) : basename(dirname(path));
    const format = parseFormat(
      read(() => readFileSync(path, "latin1"), path),
      { category, file: path },
    );
    if (!formats.has(format.name)) formats.set(format.name, format);
  }
  if (formats.size === 0) throw new AnyctxError("BAD_TRACE", `${folder} holds no tracefs format file`);
  return [...formats.values()];
}

function formatFiles(folder: string): string[] {
  const entries = read(() => readdirSync(folder, { recursive: true, encoding: "utf8" }), folder);
  return entries
    .filter((path) => basename(path) === "format" || path.endsWith(".format"))
    .sort()
    .map((path) => join(folder, path));
}

function read<T>(action: () => T, path: string): T {
  try {
    return action();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new AnyctxError("BAD_TRACE", `cannot read ${path}: ${reason}`, { cause: error });
  }
}
