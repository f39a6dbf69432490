/** Why an operation on a map failed, as an error that says so. */
import { AnyctxError, ERRNO, type ErrnoName, errnoName } from "../error.ts";
import type { MapInfo } from "./info.ts";

const UNDECIDED: readonly number[] = [-ERRNO.ETIMEDOUT, -ERRNO.EBUSY, -ERRNO.EBADF, -ERRNO.EPERM];

/** Whether an operation gave up before it knew. */
export function isUndecided(result: number): boolean {
  return UNDECIDED.includes(result);
}

/** What an operation that throws nothing returns in place of what was thrown in it: -errno. */
export function errnoOf(cause: unknown): number {
  const code = cause instanceof AnyctxError && cause.code in ERRNO ? (cause.code as ErrnoName) : "EINVAL";
  return -ERRNO[code];
}

/**
 * @param result -errno
 * @param what was to be done, as "walk" or "set an entry of"
 */
export function mapFailure({ name, maxEntries, kind }: MapInfo, result: number, what: string): AnyctxError {
  const code = errnoName(result) ?? "EINVAL";
  const reasons: Readonly<Record<string, string>> = {
    E2BIG:
      kind.keys === "index"
        ? `the index is not below ${maxEntries}`
        : `it is full (max_entries ${maxEntries})${kind.variable ? ", or the entry is larger than 4 MiB" : ""}`,
    ENOMEM: "there is nothing left to allocate from in this context",
    EINVAL: `it is ${kind.type}, which cannot do that`,
    ETIMEDOUT: "a thread died in the middle of an operation on it and has not been reaped",
    EBUSY: "another thread is in the middle of an operation on it, and this one may not wait",
    ERANGE: "its number cannot hold the sum",
    EPERM: "its access flags do not let it, or it is frozen",
    EBADF: "it has been closed, or its arena detached",
  };
  return new AnyctxError(code, `Cannot ${what} map "${name}": ${reasons[code] ?? code}`);
}
