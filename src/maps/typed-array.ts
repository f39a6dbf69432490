/** What a typed array is, asked of the engine and not of its own properties: of an array of whichever realm. */

function getter(name: PropertyKey): (this: unknown) => unknown {
  const found = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), name)?.get;
  return found as (this: unknown) => unknown;
}

const KIND = getter(Symbol.toStringTag);
const LENGTH = getter("length");

/** As "Uint8Array"; undefined for what is no typed array. */
export function typedArrayKind(value: unknown): string | undefined {
  return KIND.call(value) as string | undefined;
}

/** Elements of a typed array. */
export function typedArrayLength(value: unknown): number {
  return LENGTH.call(value) as number;
}
