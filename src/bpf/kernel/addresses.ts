/** Addresses of the kernel's objects: what an object is decides where it lies, so that each has one of its own and every thread knows it. */

/** Where the kernel's own memory is mapped on x86-64, and bytes between two objects: more than any of them has. */
const DIRECT_MAP = 0xffff888000000000n;
export const OBJECT_BYTES = 65536n;
/** Linux's `PID_MAX_LIMIT`: no task has this number or a larger one. */
const MOST_TASKS = 1 << 22;
const MOST_CPUS = 1 << 16;
/** Objects that the kernel's memory has room for. */
const SLOTS = 1n << 30n;
const FIRST_OTHER = BigInt(MOST_TASKS + MOST_CPUS + 1);

const MASK = 0xffff_ffff_ffff_ffffn;
/** FNV-1a of 64 bits. */
const BASIS = 0xcbf29ce484222325n;
const PRIME = 0x100000001b3n;

/** `struct task_struct` of a thread. Each CPU has an idle task of its own, whose number is 0. */
export function taskAddress(pid: number, cpu: number): bigint {
  return DIRECT_MAP + BigInt(pid === 0 && cpu > 0 ? MOST_TASKS + cpu : pid + 1) * OBJECT_BYTES;
}

/** @param identity what tells it from others of its type */
export function objectAddress(struct: string, identity: string): bigint {
  let hash = BASIS;
  for (const letter of `${struct} ${identity}`) hash = ((hash ^ BigInt(letter.codePointAt(0) ?? 0)) * PRIME) & MASK;
  return DIRECT_MAP + (FIRST_OTHER + (hash % (SLOTS - FIRST_OTHER))) * OBJECT_BYTES;
}
