/** What a wrong call is told: one sentence that names the argument, what it may be, and what it was. */
import { AnyctxError } from "./error.ts";

const LONGEST_TEXT = 40;

/** A value in a sentence: never calls anything of it. */
export function show(value: unknown): string {
  if (typeof value === "string")
    return value.length > LONGEST_TEXT ? `a text of ${value.length} characters` : JSON.stringify(value);
  if (typeof value === "bigint") return `${value}n`;
  if (Object.is(value, -0)) return "-0";
  if (typeof value === "function") return "a function";
  if (typeof value !== "object" || value === null) return String(value);
  return isArray(value) ? "an array" : "an object";
}

/** Array.isArray throws for a proxy that has been revoked. */
function isArray(value: unknown): boolean {
  try {
    return Array.isArray(value);
  } catch {
    return false;
  }
}

/**
 * The sentence for a value that is none of what is wanted.
 * @param call whose argument it is, `name` which
 * @throws {AnyctxError} EINVAL
 */
export function refuse(call: string, wanted: string, name: string, given: unknown): never {
  throw new AnyctxError("EINVAL", `${call} needs ${wanted} as ${name}, not ${show(given)}`);
}

function list(names: readonly string[]): string {
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

/** @throws {AnyctxError} EINVAL for what is no object with names in it */
export function checkRecord(call: string, name: string, given: unknown): asserts given is object {
  if (typeof given !== "object" || given === null || isArray(given)) refuse(call, "an object", name, given);
}

/**
 * @param call whose options they are: "Arena.create"
 * @param known the options that there are
 * @throws {AnyctxError} EINVAL for anything but an object, and for an option that is none of them
 */
export function checkOptions(call: string, options: unknown, known: readonly string[]): void {
  checkRecord(call, "options", options);
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown !== undefined) throw new AnyctxError("EINVAL", `${call} has no option ${unknown}, only ${list(known)}`);
}

/** @throws {AnyctxError} EINVAL for a value that is none of `known` */
export function checkOneOf(what: string, value: unknown, known: readonly string[]): void {
  if (!known.includes(value as string))
    throw new AnyctxError("EINVAL", `There is no ${what} ${show(value)}, only ${list(known)}`);
}

/** @throws {AnyctxError} EINVAL for an option that is there and neither true nor false */
export function checkBooleans(call: string, options: object, names: readonly string[]): void {
  for (const name of names) {
    const value = (options as Readonly<Record<string, unknown>>)[name];
    if (value !== undefined && typeof value !== "boolean") refuse(call, "true or false", name, value);
  }
}

/** @throws {AnyctxError} EINVAL */
export function checkFunction(call: string, name: string, value: unknown): void {
  if (typeof value !== "function") refuse(call, "a function", name, value);
}

/** @throws {AnyctxError} EINVAL */
export function checkText(call: string, name: string, value: unknown): void {
  if (typeof value !== "string") refuse(call, "a text", name, value);
}
