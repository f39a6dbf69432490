/** What JSON can say exactly, and its text. */

export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

/** Whether an object is of a literal's kind, of whichever realm: one made by a class would come back as something else. */
function isPlain(value: object): boolean {
  const prototype: object | null = Object.getPrototypeOf(value);
  return prototype === null || (Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, "isPrototypeOf"));
}

/** What JSON writes as it is. */
const AS_IT_IS = /^[ !#-[\]-\ud7ff\ue000-\uffff]*$/;

/** Most texts are as they are: to ask for their JSON takes longer than to see that. */
function quoted(text: string): string {
  return AS_IT_IS.test(text) ? `"${text}"` : JSON.stringify(text);
}

function unsaid(): Error {
  return new Error("JSON cannot say it");
}

/**
 * A value's text. Each part is read once, and what is read is what is written: `JSON.stringify` after a look would ask getters again, and
 * whatever has a `toJSON`.
 * @param around the objects that it lies in: it must be none of them
 */
function textOf(value: unknown, around: readonly object[]): string {
  if (typeof value === "string") return quoted(value);
  if (typeof value === "number" && Number.isFinite(value) && !Object.is(value, -0)) return String(value);
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value !== "object" || around.includes(value)) throw unsaid();
  const inside = [...around, value];
  const names = Reflect.ownKeys(value);
  const given = Object.keys(value);
  const members = value as Readonly<Record<string, unknown>>;
  if (Array.isArray(value)) {
    if (names.length !== value.length + 1 || given.length !== value.length) throw unsaid();
    return `[${given.map((name) => textOf(members[name], inside)).join(",")}]`;
  }
  if (!isPlain(value) || names.length !== given.length) throw unsaid();
  return `{${given.map((name) => `${quoted(name)}:${textOf(members[name], inside)}`).join(",")}}`;
}

/** A value's text, undefined if JSON would not give it back as it is. To read it may run code of whoever made it. */
export function jsonText(value: unknown): string | undefined {
  // What goes too deep, or throws when it is read, has no text either.
  try {
    return textOf(value, []);
  } catch {
    return undefined;
  }
}
