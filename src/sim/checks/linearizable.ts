/**
 * Whether what operations of a map returned could have come from doing them one after the other, each somewhere
 * between its call and its return (Wing and Gong 1993, "Testing and Verifying Concurrent Objects"). Keys do not
 * influence each other, so each key's history is looked at alone.
 */
import { Finding } from "../finding.ts";

export interface Result {
  readonly errno: number;
  readonly value: number;
}

export interface Operation {
  readonly what:
    | { readonly type: "update"; readonly key: number; readonly flags: number; readonly value: number }
    | { readonly type: "delete" | "get" | "lookup"; readonly key: number }
    /** Deletes the key, if it is there, once or more often, as one of all: the result is that of all. */
    | { readonly type: "clear"; readonly key: number }
    | { readonly type: "add"; readonly key: number; readonly value: number }
    /** Replaces the expected value by another one, or deletes the key where that is 0. */
    | { readonly type: "exchange"; readonly key: number; readonly expected: number; readonly value: number };
  readonly called: number;
  /** Infinity: it never returned, and may have happened or not. */
  readonly returned: number;
  readonly result: Result | undefined;
}

const ENOENT = 2;
const EAGAIN = 11;
const EEXIST = 17;
/** Refusals that depend on more than the key: they change nothing. */
const REFUSED: ReadonlySet<number> = new Set([-7, -12, -16]);

/** The value afterwards (0: absent) if the operation can have given its result at `value`, undefined if it cannot. */
function apply({ what, result }: Operation, value: number): number | undefined {
  const errno = result?.errno;
  const reads = what.type === "get" || what.type === "lookup";
  if (errno !== undefined && REFUSED.has(errno)) return reads ? undefined : value;
  const fits = (expected: number, after: number): number | undefined =>
    errno === undefined || errno === expected ? after : undefined;
  if (what.type === "get") {
    if (value === 0) return fits(-ENOENT, 0);
    return result === undefined || result.value === value ? fits(0, value) : undefined;
  }
  // A value that was found may be another key's by the time it is read: only that it was there counts.
  if (what.type === "lookup") return value === 0 ? fits(-ENOENT, 0) : fits(0, value);
  if (what.type === "delete") return value === 0 ? fits(-ENOENT, 0) : fits(0, 0);
  if (what.type === "clear") return 0;
  if (what.type === "add") {
    const sum = value + what.value;
    return result === undefined || result.value === sum ? fits(0, sum) : undefined;
  }
  if (what.type === "exchange") {
    if (value === 0) return fits(-ENOENT, 0);
    return value === what.expected ? fits(0, what.value) : fits(-EAGAIN, value);
  }
  if (what.type !== "update") return undefined;
  if (what.flags === 1 && value !== 0) return fits(-EEXIST, value);
  if (what.flags === 2 && value === 0) return fits(-ENOENT, value);
  return fits(0, what.value);
}

/** How a key may end. */
interface End {
  readonly final: number;
  /** The map takes entries away by itself: a key may go at any time. */
  readonly evicts: boolean;
}

/** Depth first: any operation may be next that was called before every other one left returned. */
function canBe(left: readonly Operation[], value: number, end: End, failed: Set<string>): boolean {
  if (left.every(({ result }) => result === undefined) && value === end.final) return true;
  const key = `${value}:${left.map(({ called }) => called).join()}`;
  if (failed.has(key)) return false;
  if (end.evicts && value !== 0 && canBe(left, 0, end, failed)) return true;
  const firstReturn = Math.min(...left.map(({ returned }) => returned));
  for (const operation of left) {
    if (operation.called > firstReturn) continue;
    const after = apply(operation, value);
    if (after === undefined) continue;
    // What comes while all is deleted may be deleted too.
    if (operation.what.type === "clear" && value !== 0 && canBe(left, 0, end, failed)) return true;
    if (
      canBe(
        left.filter((each) => each !== operation),
        after,
        end,
        failed,
      )
    )
      return true;
  }
  failed.add(key);
  return false;
}

function show({ what, called, returned, result }: Operation): string {
  const { type, key: _, ...more } = what;
  const details = Object.entries(more).map(([name, value]) => ` ${name} ${value}`);
  return `${called}-${returned} ${type}${details.join("")}: ${result?.errno} ${result?.value}`;
}

/**
 * @param final what is in the map in the end, key to value
 * @param initial the same before the first operation
 * @param evicts whether keys may go by themselves
 */
export function checkHistory(
  history: readonly Operation[],
  final: ReadonlyMap<number, number>,
  initial: ReadonlyMap<number, number> = new Map(),
  evicts = false,
): void {
  for (const key of new Set([...history.map(({ what }) => what.key), ...final.keys(), ...initial.keys()])) {
    const operations = history.filter(({ what }) => what.key === key);
    const last = final.get(key) ?? 0;
    if (!canBe(operations, initial.get(key) ?? 0, { final: last, evicts }, new Set()))
      throw new Finding("not linearizable", `key ${key} ends as ${last} after ${operations.map(show).join("; ")}`);
  }
}
