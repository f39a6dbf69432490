/**
 * How what is in shared memory is shown: by Node's `util.inspect`, which calls a method by a symbol (nothing of Node is loaded), and by
 * `JSON.stringify`. Neither shows what is inside of the object, nor does a copy of that reach another thread.
 */

const INSPECT = Symbol.for("nodejs.util.inspect.custom");

/** What `util.inspect` hands to whoever prints itself. */
export interface InspectOptions {
  readonly maxArrayLength?: number | null;
}

export type Inspect = (value: unknown, options?: object) => string;

/** An object with a field that has this is a DataCloneError to who posts it: what came out there could do nothing. */
export const NOT_SENT: unique symbol = Symbol("arena.handle() is what another thread is sent");

/**
 * Has objects of a class shown in one line.
 * @param line in JSON; must not throw
 * @param show where there is room for more
 */
export function showAs<T extends object>(
  { prototype }: { readonly prototype: T },
  line: (object: T) => string,
  show: (object: T, options: InspectOptions, inspect: Inspect) => string = line,
): void {
  Object.defineProperty(prototype, "toJSON", {
    configurable: true,
    value(this: T): string {
      return line(this);
    },
  });
  Object.defineProperty(prototype, INSPECT, {
    configurable: true,
    value(this: T, _depth: number, options: InspectOptions, inspect: Inspect): string {
      return show(this, options, inspect);
    },
  });
}

const ENTRIES_SHOWN = 100;

/**
 * A title and the first entries, as Map's.
 * @param size entries that there are
 */
export function inspectEntries(
  title: string,
  entries: Iterable<readonly [unknown, unknown]>,
  size: number,
  options: InspectOptions,
  inspect: Inspect,
): string {
  const most = options.maxArrayLength === undefined ? ENTRIES_SHOWN : (options.maxArrayLength ?? size);
  const shown: (readonly [unknown, unknown])[] = [];
  for (const entry of entries) {
    if (shown.length >= most) break;
    shown.push(entry);
  }
  // A Map would take two keys of one text for two, and so does this: they are what lies in memory.
  const text = inspect(new Map(shown), { ...options, maxArrayLength: null }).replace(/^Map\(\d+\) /, "");
  const more = size - shown.length;
  if (more <= 0) return `${title} ${text}`;
  const rest = `... ${more} more item${more > 1 ? "s" : ""}`;
  return `${title} ${shown.length === 0 ? `{ ${rest} }` : text.replace(/\s*\}$/, (end) => `, ${rest}${end}`)}`;
}
