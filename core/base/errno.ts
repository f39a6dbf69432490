/** errno values as the data plane returns them, negated (Linux `errno-base.h`, `errno.h`). */

export const EPERM: i32 = 1;
export const ENOENT: i32 = 2;
export const E2BIG: i32 = 7;
export const EBADF: i32 = 9;
export const EAGAIN: i32 = 11;
export const ENOMEM: i32 = 12;
export const EACCES: i32 = 13;
export const EFAULT: i32 = 14;
export const EBUSY: i32 = 16;
export const EEXIST: i32 = 17;
export const EINVAL: i32 = 22;
export const ENOSPC: i32 = 28;
export const ERANGE: i32 = 34;
export const EDEADLK: i32 = 35;
export const EOPNOTSUPP: i32 = 95;
export const ETIMEDOUT: i32 = 110;
/** Linux's own, beyond those of POSIX: what a kind cannot do. */
export const ENOTSUPP: i32 = 524;
