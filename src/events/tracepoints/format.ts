/** tracefs `format` files: how an event's struct is laid out and how the kernel prints it. */
import { AnyctxError } from "../../error.ts";
import type { EventField, EventFormat } from "../event.ts";

export interface FtraceFormat extends EventFormat {
  /** Text after `print fmt:`. */
  readonly print: string;
}

/** The formats a reader knows. Where two have the same name, the first counts: the text does not say the category. */
export type FormatTable = readonly FtraceFormat[];

const FIELD = /^\s*field:\s*(.+?)\s*;\s*offset:\s*(\d+)\s*;\s*size:\s*(\d+)\s*;(?:\s*signed:\s*([01])\s*;)?\s*$/;
const DECLARATION = /^(__data_loc\s+|__rel_loc\s+)?(.*?)\s*\b([A-Za-z_]\w*)\s*((?:\[[^\]]*\])+)?$/;
/** A format with more bytes than this is not one of the kernel's: a trace entry fits a page. */
export const MAX_STRUCT_BYTES = 4096;

/**
 * Parses the text of one `format` file.
 * @param where the folder name, and the file for messages
 * @throws {AnyctxError} BAD_TRACE when a part is missing or a field does not fit
 */
export function parseFormat(text: string, where: { readonly category: string; readonly file?: string }): FtraceFormat {
  const file = where.file ?? `a format of ${where.category}`;
  const fields: EventField[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (!/^\s*field:/.test(line)) continue;
    const field = parseField(line);
    if (field === undefined)
      throw new AnyctxError("BAD_TRACE", `${file}, line ${index + 1}: not a field: "${line.trim()}"`);
    if (field.offset + field.size > MAX_STRUCT_BYTES)
      throw new AnyctxError("BAD_TRACE", `${file}, line ${index + 1}: field ${field.name} lies beyond 4096 bytes`);
    fields.push(field);
  }
  const name = /^name:\s*(\w+)\s*$/m.exec(text)?.[1];
  const id = /^ID:\s*(\d{1,5})\s*$/m.exec(text)?.[1];
  const print = /^print fmt:\s*(.*?)\s*$(?![\s\S])/ms.exec(text)?.[1];
  const missing = Object.entries({ "name:": name, "ID:": id, "print fmt:": print, "field:": fields[0]?.name });
  for (const [part, value] of missing)
    if (value === undefined) throw new AnyctxError("BAD_TRACE", `${file}: not a tracefs format file: no "${part}"`);
  const size = structSize(fields);
  return { category: where.category, name: name ?? "", id: Number(id), fields, size, print: print ?? "" };
}

function parseField(line: string): EventField | undefined {
  const [, declaration, offset, size, signed] = FIELD.exec(line) ?? [];
  return fieldOf(declaration ?? "", Number(offset), Number(size), signed === "1");
}

/** A field by its declaration in C and its place; undefined for what is none. */
export function fieldOf(declaration: string, offset: number, size: number, signed: boolean): EventField | undefined {
  const [, location, type, name, array] = DECLARATION.exec(declaration) ?? [];
  if (name === undefined || type === undefined) return undefined;
  const place = { name, type: type.replace(/\[.*\]$/, "").trim(), offset, size, signed };
  if (location !== undefined) {
    if (size !== 4) return undefined;
    return { ...place, kind: location.startsWith("__data") ? "dataLoc" : "relLoc", count: 1 };
  }
  // Arrays of arrays: nothing is printed of them as it lies.
  if (array?.includes("][") === true) return { ...place, kind: "other", count: 1 };
  if (array !== undefined && /\bchar$/.test(type) && !/\bunsigned\b/.test(type))
    return { ...place, kind: "chars", count: 1 };
  // Arrays of probe events have no number in their brackets.
  const count = array === "[]" ? size / (bytesOfType(place.type) ?? size) : Number(array?.slice(1, -1) ?? 1);
  const kind = [1, 2, 4, 8].includes(size / count) ? "number" : "other";
  return { ...place, kind, count: kind === "number" ? count : 1 };
}

/** Bytes of the struct that the fields lie in. */
export function structSize(fields: readonly EventField[]): number {
  return Math.max(0, ...fields.map((field) => field.offset + field.size));
}

/** Bytes of a type that arrays are declared with; undefined for one that is not known. */
export function bytesOfType(type: string): number | undefined {
  const plain = type.replace(/^(?:(?:const|unsigned|signed|__force)\s+)+/, "");
  const [, bits] = /^_*(?:u|s|be|le|int|uint)(8|16|32|64)(?:_t)?$/.exec(plain) ?? [];
  if (bits !== undefined) return Number(bits) / 8;
  if (/^(u?char|unchar|bool|_Bool)$/.test(plain)) return 1;
  if (/^(u?short\b|umode_t$)/.test(plain)) return 2;
  if (/^(u?int\b|unsigned\b|signed\b|(dev|pid|uid|gid|gfp|mode)_t$)/.test(plain)) return 4;
  return /^(u?long|size_t|dma_addr_t)\b/.test(plain) || plain.endsWith("*") ? 8 : undefined;
}
