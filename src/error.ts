/**
 * The one error the control plane throws. The data plane never throws: its functions return `0` or `-errno`.
 *
 * `code` is an errno name where the kernel has one for the case, otherwise one of the four kinds of bad input.
 */
export type ErrorCode = ErrnoName | "BAD_OBJECT" | "BAD_TRACE" | "BAD_ARENA" | "UNSUPPORTED";

/** Names from a file or a caller may have line ends in them, or what a terminal would obey. */
function oneLine(message: string): string {
  return message.replace(
    /[^\P{Cc}\t]/gu,
    (character) => `\\x${(character.codePointAt(0) ?? 0).toString(16).padStart(2, "0")}`,
  );
}

/**
 * What is thrown, with a sentence that names what was refused and why.
 *
 * @example
 * ```ts
 * import { AnyctxError, Arena, u8 } from "anyctx";
 *
 * const arena = await Arena.create({ maximumBytes: 64 << 20 });
 * const map = arena.createMap({ type: "hash", name: "small", key: u8, value: u8, maxEntries: 2 });
 * try {
 *   map.set(1, 256);
 * } catch (error) {
 *   if (!(error instanceof AnyctxError) || error.code !== "EINVAL") throw error;
 *   console.log(error.message); // The value of map "small" is refused: u8 holds whole numbers from 0 to 255, not 256
 * }
 * ```
 */
export class AnyctxError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(oneLine(message), options);
    this.name = "AnyctxError";
    this.code = code;
  }
}

/** The same failure of a larger whole: says where in it. What is no AnyctxError stays as it is. */
export function failureAt(where: string, cause: unknown): unknown {
  return cause instanceof AnyctxError ? new AnyctxError(cause.code, `${where}: ${cause.message}`, { cause }) : cause;
}

/** errno values that BPF maps and helpers return, as in Linux `errno-base.h` and `errno.h`. */
export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  E2BIG: 7,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  EINVAL: 22,
  ENOSPC: 28,
  ERANGE: 34,
  EDEADLK: 35,
  EOPNOTSUPP: 95,
  ETIMEDOUT: 110,
  EALREADY: 114,
  ENOTSUPP: 524,
} as const;

export type ErrnoName = keyof typeof ERRNO;

/** Why something is ETIMEDOUT, for people. */
export const LOCK_NOT_LET_GO = "a thread has not let go of a lock of the arena; if it is dead, reap it";

const NAMES = new Map<number, ErrnoName>(Object.entries(ERRNO).map(([name, value]) => [value, name as ErrnoName]));

/** The name of an errno given as the data plane returns it (negative) or as a plain number. */
export function errnoName(value: number): ErrnoName | undefined {
  return typeof value === "number" ? NAMES.get(Math.abs(value)) : undefined;
}
