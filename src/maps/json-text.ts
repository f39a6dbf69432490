/** What JSON can say exactly, and its text. */

export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

/** Whether an object is of a literal's kind, of whichever realm: one made by a class would come back as something else. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** Whether JSON gives back what it is given. @param around the objects that it lies in: it must be none of them */
function isJson(value: unknown, around: readonly object[]): boolean {
  if (value === null || typeof value === "string" || typeof value === "boolean") return true;
  if (typeof value === "number") return Number.isFinite(value) && !Object.is(value, -0);
  if (typeof value !== "object" || around.includes(value)) return false;
  const inside = [...around, value];
  const names = Reflect.ownKeys(value);
  if (Array.isArray(value))
    return names.length === value.length + 1 && Object.keys(value).every((name) => isJson(value[Number(name)], inside));
  const fields = value as Readonly<Record<string, unknown>>;
  return (
    isPlain(value) &&
    names.length === Object.keys(value).length &&
    Object.keys(value).every((name) => isJson(fields[name], inside))
  );
}

/** A value's text, undefined if JSON would not give it back as it is. To read it may run code of whoever made it. */
export function jsonText(value: unknown): string | undefined {
  // What goes too deep, or throws when it is read, has no text either.
  try {
    return isJson(value, []) ? JSON.stringify(value) : undefined;
  } catch {
    return undefined;
  }
}
