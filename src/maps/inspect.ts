/** How Node's `util.inspect` shows what is in shared memory: it calls this by a symbol, nothing of Node is loaded. */

const INSPECT = Symbol.for("nodejs.util.inspect.custom");

/** What `util.inspect` hands to whoever prints itself. */
export interface InspectOptions {
  readonly maxArrayLength?: number | null;
}

export type Inspect = (value: unknown, options?: object) => string;

/** Has objects of a class shown as `show` says, which must not throw. */
export function showAs<T extends object>(
  { prototype }: { readonly prototype: T },
  show: (object: T, options: InspectOptions, inspect: Inspect) => string,
): void {
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
