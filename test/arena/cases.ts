/**
 * Small programs on an arena map of ten pages, with the lower half of what they return on Linux 6.18. r9 has the map; `ALLOC`, `FREE`
 * and `RESERVE` stand for the kernel functions.
 */

/** The pointer to the map's first page. */
export const FIRST = 0x1000_0001_0000n;
export const PAGES = 10;

export interface ArenaCase {
  readonly name: string;
  readonly text: string;
  readonly linux: number;
  /** What it returns here, where that is something else, or `fault` where it is stopped; and why. */
  readonly here?: readonly [returns: number | "fault", why: string];
}

const PAGE = 4096n;
const CONSTANT = (value: bigint): string => (value === 0n ? "0" : `0x${value.toString(16)} ll`);
const allocate = (at: bigint, count: number, node = -1, flags = 0): string =>
  `r1 = r9\nr2 = ${CONSTANT(at)}\nw3 = ${count}\nw4 = ${node}\nr5 = ${flags}\ncall ALLOC`;
const free = (register: string, count: number): string => `r1 = r9\nr2 = ${register}\nw3 = ${count}\ncall FREE`;
const reserve = (at: bigint, count: number): string => `r1 = r9\nr2 = ${CONSTANT(at)}\nw3 = ${count}\ncall RESERVE`;
const page = (index: bigint): bigint => FIRST + index * PAGE;
/** r7 = the address of the first page, which is not there, or of what was allocated. */
const ABSENT = `r7 = ${CONSTANT(FIRST)}\nr7 = addr_space_cast(r7, 0x0, 0x1)`;
const THERE = "r7 = addr_space_cast(r0, 0x0, 0x1)";

function lines(...parts: readonly string[]): string {
  return parts.join("\n");
}

function one(name: string, linux: number, text: string, here?: ArenaCase["here"]): ArenaCase {
  return { name, text, linux, ...(here === undefined ? {} : { here }) };
}

export const CASES: readonly ArenaCase[] = [
  one("an allocation gives the first page", 0x10000, allocate(0n, 1)),
  one("and the upper half of its pointer", 0x1000, lines(allocate(0n, 1), "r0 >>= 32")),
  one("more pages than there are", 0x0, allocate(0n, 11)),
  one("all pages", 0x10000, allocate(0n, 10)),
  one("pages from one on", 0x13000, allocate(page(3n), 2)),
  one("beyond the end", 0x0, allocate(page(9n), 2)),
  one("in front of the first", 0x0, allocate(page(-1n), 1)),
  one("pages that are given out", 0x0, lines(allocate(FIRST, 1), allocate(FIRST, 1))),
  one("in the middle of a page", 0x0, allocate(FIRST + 8n, 1)),
  one("with flags", 0x0, allocate(0n, 1, -1, 1)),
  one("none", 0x0, allocate(0n, 0)),
  one("by the lower half alone", 0x10000, allocate(0x10000n, 1)),
  one("with another upper half", 0x10000, allocate(0x55_0001_0000n, 1)),
  one("on node 0", 0x10000, allocate(0n, 1, 0)),
  one(
    "what is stored is there",
    0x7,
    lines(allocate(0n, 1), THERE, "*(u32 *)(r7 + 4092) = 7", "r0 = *(u32 *)(r7 + 4092)"),
  ),
  one(
    "a pointer into the middle frees the page",
    0x0,
    lines(allocate(0n, 2), "r6 = r0", THERE, "*(u32 *)(r7 + 0) = 7", "r6 += 5", free("r6", 1), "r0 = *(u32 *)(r7 + 0)"),
  ),
  one(
    "what is freed takes nothing",
    0x0,
    lines(allocate(0n, 1), "r6 = r0", THERE, free("r6", 1), "*(u32 *)(r7 + 0) = 8", "r0 = *(u32 *)(r7 + 0)"),
  ),
  one(
    "a store that goes over the end does nothing",
    0x0,
    lines(allocate(0n, 1), THERE, "r1 = -1", "*(u64 *)(r7 + 4092) = r1", "r0 = *(u32 *)(r7 + 4092)"),
  ),
  one(
    "a load that goes over the end gives 0",
    0x0,
    lines(allocate(0n, 1), THERE, "*(u32 *)(r7 + 4092) = 7", "r0 = *(u64 *)(r7 + 4092)"),
  ),
  one(
    "an access to two pages",
    0x11223344,
    lines(allocate(0n, 2), THERE, "r1 = 0x1122334455667788 ll", "*(u64 *)(r7 + 4092) = r1", "r0 = *(u32 *)(r7 + 4096)"),
  ),
  one(
    "an access to two runs",
    0x22334455,
    lines(
      allocate(page(3n), 2),
      THERE,
      "r1 = 0x1122334455667788 ll",
      "*(u64 *)(r7 + 4091) = r1",
      "r0 = *(u64 *)(r7 + 4091)",
      "r0 >>= 24",
    ),
  ),
  one("a load where no page is", 0x0, lines(ABSENT, "r0 = 5", "r0 = *(u64 *)(r7 + 0)")),
  one("a load in front of the map", 0x0, lines(allocate(0n, 1), THERE, "r0 = 5", "r0 = *(u64 *)(r7 - 8)")),
  one(
    "a load that extends the sign",
    0xffffffff,
    lines(allocate(0n, 1), THERE, "*(u8 *)(r7 + 1) = 0x80", "r0 = *(s8 *)(r7 + 1)", "r0 >>= 16"),
  ),
  one(
    "an addition where no page is",
    0x9,
    lines(ABSENT, "r1 = 9", "r1 = atomic_fetch_add((u64 *)(r7 + 0), r1)", "r0 = r1"),
  ),
  one("a comparison where no page is", 0x3, lines(ABSENT, "r1 = 9", "r0 = 3", "r0 = cmpxchg_64(r7 + 0, r0, r1)")),
  one(
    "an addition",
    0x900,
    lines(
      allocate(0n, 1),
      THERE,
      "r1 = 9",
      "r1 = atomic_fetch_add((u64 *)(r7 + 0), r1)",
      "r0 = *(u64 *)(r7 + 0)",
      "r0 <<= 8",
      "r0 += r1",
    ),
  ),
  one(
    "an exchange",
    0x4d,
    lines(allocate(0n, 1), THERE, "*(u32 *)(r7 + 8) = 77", "r1 = 9", "w1 = xchg_32(r7 + 8, w1)", "r0 = r1"),
  ),
  one(
    "an atomic at no multiple of its size",
    0x9,
    lines(allocate(0n, 1), THERE, "r1 = 9", "lock *(u32 *)(r7 + 3) += w1", "r0 = *(u32 *)(r7 + 3)"),
    ["fault", "WebAssembly has no atomics there"],
  ),
  one("a reservation", 0x0, reserve(FIRST, 2)),
  one("keeps pages from being given out", 0x0, lines(reserve(FIRST, 2), allocate(FIRST, 1))),
  one("and others are", 0x12000, lines(reserve(FIRST, 2), allocate(0n, 1))),
  one("of what is reserved", 0xfffffff0, lines(reserve(FIRST, 2), reserve(page(1n), 2))),
  one("of what is given out", 0xfffffff0, lines(allocate(FIRST, 1), reserve(FIRST, 1))),
  one("beyond the end", 0xffffffea, reserve(page(9n), 2)),
  one("in front of the first", 0xffffffea, reserve(page(-1n), 1)),
  one("of more than there are", 0xffffffea, reserve(FIRST, 11)),
  one("of none", 0x0, reserve(FIRST, 0)),
  one("at NULL", 0xffffffea, reserve(0n, 1)),
  one("in the middle of a page", 0x0, reserve(FIRST + 4n, 1)),
  one("does nothing there", 0x10000, lines(reserve(FIRST + 4n, 1), allocate(FIRST, 1))),
  one(
    "goes when it is freed",
    0x10000,
    lines(reserve(FIRST, 1), `r6 = ${CONSTANT(FIRST)}`, free("r6", 1), allocate(FIRST, 1)),
  ),
  one("reads as 0", 0x0, lines(reserve(FIRST, 1), ABSENT, "*(u32 *)(r7 + 0) = 5", "r0 = *(u32 *)(r7 + 0)")),
  one("more is freed than there is", 0x10000, lines(allocate(0n, 10), "r6 = r0", free("r6", 100), allocate(0n, 10))),
  one("NULL is freed", 0x0, lines(allocate(0n, 10), free("0", 10), allocate(0n, 1))),
  one(
    "what is in front of the first is freed",
    0xf000,
    lines(allocate(0n, 10), "r6 = r0", "r6 += -4096", free("r6", 3), allocate(0n, 1)),
    [0, "Linux gives out what is no page of the map"],
  ),
  one(
    "of two gaps the smaller one is taken",
    0x17000,
    lines(
      allocate(0n, 10),
      "r6 = r0",
      "r8 = r0",
      "r6 += 8192",
      free("r6", 3),
      "r8 += 28672",
      free("r8", 1),
      allocate(0n, 1),
    ),
    [0x12000, "here the first gap is taken"],
  ),
  one(
    "of two that are alike the last that came",
    0x12000,
    lines(
      allocate(0n, 10),
      "r6 = r0",
      "r8 = r0",
      "r8 += 28672",
      free("r8", 1),
      "r6 += 8192",
      free("r6", 1),
      allocate(0n, 1),
    ),
  ),
  one("NULL as a pointer", 0x0, lines("r0 = 0", "r0 = addr_space_cast(r0, 0x1, 0x0)")),
  one("the upper half of a pointer", 0x1000, lines("r0 = 5", "r0 = addr_space_cast(r0, 0x1, 0x0)", "r0 >>= 32")),
  one("the lower half stays", 0x5, lines("r0 = 0x7700000005 ll", "r0 = addr_space_cast(r0, 0x1, 0x0)")),
  one(
    "an address has no upper half",
    0x10000,
    lines(`r0 = ${CONSTANT(FIRST)}`, "r0 = addr_space_cast(r0, 0x0, 0x1)", "r1 = 0", "r1 += r0", "r0 = r1"),
  ),
  one(
    "an address wraps around",
    0xffff,
    lines(`r0 = ${CONSTANT(FIRST)}`, "r0 = addr_space_cast(r0, 0x0, 0x1)", "r0 -= 0x20000", "r0 >>= 16"),
  ),
  one(
    "an address is as good as a number",
    0x30000,
    lines(`r0 = ${CONSTANT(FIRST)}`, "r0 = addr_space_cast(r0, 0x0, 0x1)", "r0 *= 3"),
  ),
];
