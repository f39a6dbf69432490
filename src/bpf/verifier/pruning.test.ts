/**
 * Paths that come together: two that differ in what matters behind the place are both looked at, and the second is the bad one. Each
 * program is accepted as soon as a difference is overlooked.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { mapKindByBpfType } from "../../maps/kinds.ts";
import type { MapBinding } from "../host.ts";
import { assemble } from "../isa/assemble.ts";
import { linkProgram } from "../link.ts";
import { specOfInstructions } from "../object/spec.ts";
import { programKind } from "../programs/table.ts";
import { type Accepted, type Refused, verifyProgram } from "./verify.ts";

/** A value of 16 bytes at a known address, and a hash. */
const FIELD = 0x50000;
const HASH = 0x60000;
const RING = 0x70000;

function binding(name: string, bpfType: number, address: number, valueSize: number, firstValue: number): MapBinding {
  const kind = mapKindByBpfType(bpfType) ?? assert.fail();
  return { name, kind, address, keySize: 4, valueSize, maxEntries: 1, valueStride: valueSize, firstValue };
}

function verify(text: string, section = "kprobe/f"): Accepted | Refused {
  const spec = specOfInstructions("p", assemble(text));
  const programs = spec.programs.map((program) => ({ ...program, kind: programKind(section), section }));
  const maps = [
    binding("field", 2, 0x40000, 16, FIELD),
    binding("hash", 1, HASH, 16, 0),
    binding("ring", 27, RING, 0, 0),
  ];
  return verifyProgram(linkProgram({ ...spec, programs }, "p", new Map(maps.map((map) => [map.name, map]))));
}

/** So many instructions that a state is kept at the next place. */
const FAR = "r9 = 1\n".repeat(9);
const UNKNOWN = "r6 = *(u64 *)(r1 + 0)\nr7 = *(u64 *)(r1 + 8)";
/** A place where a state is kept: somebody jumps there. */
const place = (label: string): string => `${FAR}goto ${label}\n${label}:`;
/** An access to the field at an index. */
const access = (index: string): string => `r1 = value(${FIELD}) ll\nr1 += ${index}\nr0 = *(u8 *)(r1 + 0)\nr0 = 0\nexit`;
const LOOKUP = `*(u32 *)(r10 - 4) = 0\nr2 = r10\nr2 += -4\nr1 = map(${HASH}) ll\ncall map_lookup_elem`;

const SECOND_IS_BAD: Readonly<Record<string, string>> = {
  "a number in a register": `${UNKNOWN}\nr8 = 1\nif r6 > 5 goto b\n${place("j")}\n${place("k")}\n${access("r8")}\nb:\nr8 = 100\ngoto j`,
  "a number on the stack that is read behind two places": `${UNKNOWN}\n*(u64 *)(r10 - 16) = 1\nif r6 > 5 goto b\n${place("j")}\n${place("k")}\n${place("l")}\nr8 = *(u64 *)(r10 - 16)\n${access("r8")}\nb:\n*(u64 *)(r10 - 16) = 100\ngoto j`,
  "two registers that hold the same number on the first path": `${UNKNOWN}\nif r6 > 5 goto b\nr8 = r6\nr6 = r8\ngoto a\nb:\nr6 = r7\ngoto c\na:\nr8 = *(u64 *)(r10 - 8)\nr6 = r8\n${FAR}goto j\nc:\nr8 = *(u64 *)(r10 - 8)\nr6 = *(u64 *)(r10 - 16)\n${FAR}goto j\nj:\nif r6 > 7 goto out\n${access("r8")}\nout:\nr0 = 0\nexit`,
  "a copy that was compared by its original on the first path": `${UNKNOWN}\nr8 = r6\nif r7 > 5 goto b\n${place("j")}\nif r6 > 7 goto out\n${access("r8")}\nout:\nr0 = 0\nexit\nb:\nr8 = r7\ngoto j`,
  "a copy in a half register that was compared by its original": `r6 = *(u32 *)(r1 + 0)\nr7 = *(u32 *)(r1 + 8)\nw8 = w6\nif r7 > 5 goto b\n${place("j")}\nif r6 > 7 goto out\n${access("r8")}\nout:\nr0 = 0\nexit\nb:\nr8 = r7\ngoto j`,
  "an original that was compared by its copy on the first path": `${UNKNOWN}\nr8 = r6\nif r7 > 5 goto b\n${place("j")}\nif r8 > 7 goto out\n${access("r6")}\nout:\nr0 = 0\nexit\nb:\nr6 = r7\ngoto j`,
  "a number that is further away from the one that was compared": `${UNKNOWN}\nr8 = r6\nr8 += 1\nif r7 > 5 goto b\n${place("j")}\nif r6 > 7 goto out\n${access("r8")}\nout:\nr0 = 0\nexit\nb:\nr8 = r6\nr8 += 100\ngoto j`,
  "a number that is a constant away from another one": `${UNKNOWN}\nr8 = r6\nr8 += 1\nif r7 > 5 goto b\n${place("j")}\nif r6 > 7 goto out\n${access("r8")}\nout:\nr0 = 0\nexit\nb:\nr8 = r7\nr8 += 1\ngoto j`,
  "a pointer that was compared on the first path": `${UNKNOWN}\n${LOOKUP}\nif r6 > 5 goto j\nif r0 == 0 goto out\n${place("j")}\nr1 = *(u64 *)(r0 + 0)\nout:\nr0 = 0\nexit`,
  "a result of another lookup": `${UNKNOWN}\n${LOOKUP}\nr8 = r0\nif r6 > 5 goto b\nr9 = r8\ngoto j\nb:\n${LOOKUP}\nr9 = r0\ngoto j\nj:\n${"r1 = 1\n".repeat(9)}goto k\nk:\nif r8 == 0 goto out\nr1 = *(u64 *)(r9 + 0)\nout:\nr0 = 0\nexit`,
  "a record that is reserved on the second path": `${UNKNOWN}\nif r6 > 5 goto b\n${place("j")}\nr0 = 0\nexit\nb:\nr1 = map(${RING}) ll\nr2 = 8\nr3 = 0\ncall ringbuf_reserve\ngoto j`,
  "a caller's register": `${UNKNOWN}\nr8 = 1\nif r6 > 5 goto b\nj:\ncall f\n${access("r8")}\nb:\nr8 = 100\ngoto j\nf:\n${place("k")}\nr0 = 0\nexit`,
  "a word of the caller's stack that only the function reads": `${UNKNOWN}\n*(u64 *)(r10 - 8) = 1\nif r6 > 5 goto b\n${place("j")}\nr1 = r10\ncall f\nexit\nb:\n*(u64 *)(r10 - 8) = 100\ngoto j\nf:\nr8 = *(u64 *)(r1 - 8)\n${access("r8")}`,
  "a number that the caller's stack has too on the first path": `${UNKNOWN}\n*(u64 *)(r10 - 8) = r6\nr3 = r1\nr1 = r10\nr2 = r7\ncall f\nexit\nf:\nr8 = *(u64 *)(r1 - 8)\nr4 = *(u64 *)(r3 + 16)\nif r4 > 5 goto b\n${place("j")}\nif r8 > 7 goto out\nr8 = *(u64 *)(r1 - 8)\n${access("r8")}\nout:\nr0 = 0\nexit\nb:\nr8 = r2\ngoto j`,
  "a word that a helper reads as a size": `${UNKNOWN}\nr8 = 8\nif r6 > 5 goto b\n${place("j")}\nr1 = r10\nr1 += -8\nr2 = r8\nr3 = 0\ncall probe_read_kernel\nr0 = 0\nexit\nb:\nr8 = 64\ngoto j`,
  "a zero on the stack": `${UNKNOWN}\n*(u64 *)(r10 - 8) = 0\nif r6 > 5 goto b\n${place("j")}\nr8 = *(u64 *)(r10 - 8)\n${access("r8")}\nb:\n*(u64 *)(r10 - 8) = r7\ngoto j`,
  "one byte of a word on the stack": `${UNKNOWN}\n*(u64 *)(r10 - 8) = 0\nif r6 > 5 goto b\n${place("j")}\nr8 = *(u8 *)(r10 - 6)\n${access("r8")}\nb:\n*(u8 *)(r10 - 6) = 200\ngoto j`,
  "the second of two loops": `${UNKNOWN}\nr8 = 0\nl:\nr8 += 1\n${FAR}if r8 < 5 goto l\nif r6 > 5 goto m\nr8 = 3\nm:\nr8 += 1\n${FAR}if r8 < 20 goto m\n${access("r8")}`,
};

for (const [name, text] of Object.entries(SECOND_IS_BAD))
  test(`both paths are looked at: ${name}`, () => {
    const found = verify(text);
    assert.equal(found.verdict, "rejected");
    assert.ok(found.category !== "limit" && found.category !== "loop", found.category);
  });

test("what is a constant away from a number that was compared is known, and may not wrap around", () => {
  const compared = (by: number, rest = ""): string =>
    `${UNKNOWN}\nr8 = r6\nr8 += ${by}\n${rest}if r6 > 7 goto out\n${access("r8")}\nout:\nr0 = 0\nexit`;
  assert.equal(verify(compared(8)).verdict, "accepted");
  assert.equal(verify(compared(9)).verdict, "rejected");
  assert.equal(verify(compared(-1)).verdict, "rejected");
  assert.equal(verify(compared(4, "r8 -= 3\n")).verdict, "accepted");
  assert.equal(verify(compared(4, "w8 += 1\n")).verdict, "rejected", "half of it is another number");
});

test("how much of a packet was compared on the first path", () => {
  const text = `r2 = *(u32 *)(r1 + 0)\nr3 = *(u32 *)(r1 + 4)\nr6 = *(u32 *)(r1 + 12)\nr4 = r2\nr4 += 14\nif r6 > 5 goto j\nif r4 > r3 goto out\n${place("j")}\nr0 = *(u8 *)(r2 + 13)\nout:\nr0 = 0\nexit`;
  const found = verify(text, "xdp");
  assert.equal(found.verdict === "rejected" ? found.category : "accepted", "bounds");
});

test("an argument of a typed program may be followed, on one path a number has taken its place", () => {
  const text = `r8 = *(u64 *)(r1 + 0)\nr6 = *(u64 *)(r1 + 8)\nif r6 > 5 goto b\n${place("j")}\nr0 = *(u64 *)(r8 + 0)\nr0 = 0\nexit\nb:\ncall ktime_get_ns\nr8 = r0\ngoto j`;
  const found = verify(text, "fentry/f");
  assert.equal(found.verdict === "rejected" ? found.category : "accepted", "type");
});

test("where nothing differs that matters, one path is enough", () => {
  const branches = Array.from(
    { length: 30 },
    (_, bit) => `if r6 & ${2 ** bit} goto l${bit}\nr8 = ${bit}\nl${bit}:\n${FAR}`,
  ).join("");
  const found = verify(`${UNKNOWN}\n${branches}\nr0 = 0\nexit`);
  assert.equal(found.verdict, "accepted");
  assert.ok(found.instructions < 2000, `${found.instructions} instructions`);
});

test("what the copy of a loop's counter is used for does not tell the turns apart", () => {
  const found = verify(
    `${UNKNOWN}\nr8 = 0\nr9 = 1\ngoto m\nl:\nr9 += 1\nif r9 == 32 goto out\nm:\nr3 = r6\nr3 >>= r9\nif r3 == 0 goto l\nw8 = w9\ngoto l\nout:\n*(u32 *)(r10 - 4) = r8\nr2 = r10\nr2 += -4\nr1 = map(${HASH}) ll\ncall map_lookup_elem\nr0 = 0\nexit`,
  );
  assert.equal(found.verdict, "accepted");
  assert.ok(found.instructions < 2000, `${found.instructions} instructions`);
});

/** The most that a program may take: seconds of the processor, as the machine may have other work; compiled it is a third. */
const MOST_SECONDS = 9;
const MOST_BYTES = 300e6;

/** Seconds of the processor that it takes. */
function secondsOf(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

const HOSTILE: Readonly<Record<string, string>> = {
  "a loop of ten million rounds": "r1 = 0\nl:\nr1 += 1\nif r1 < 10000000 goto l\nr0 = 0\nexit",
  "forty branches that all count": `r6 = 0\n${Array.from({ length: 40 }, (_, bit) => `call get_prandom_u32\nif r0 > ${bit + 5} goto +1\nr6 += ${1 << (bit % 20)}\n`).join("")}r6 &= 15\n${access("r6")}`,
  "arithmetic without an end":
    "call get_prandom_u32\nr6 = r0\nr8 = r0\nr8 &= 12345\nr7 = 0\nl:\nr6 *= r8\nr6 ^= r8\nr6 s>>= 3\nr6 /= 3\nr6 |= r7\nw6 *= w8\nr6 <<= 2\nr6 &= r8\nr6 -= 5\nr6 s%= r8\nr7 += 1\nif r7 < 10000000 goto l\nr0 = 0\nexit",
  "a full stack in every frame": `call get_prandom_u32\n${Array.from({ length: 64 }, (_, word) => `*(u64 *)(r10 - ${8 * (word + 1)}) = r0\n`).join("")}r7 = 0\nl:\nr7 += 1\n*(u64 *)(r10 - 8) = r7\nr1 = r10\ncall f\nif r7 < 10000000 goto l\nr0 = 0\nexit\nf:\n*(u64 *)(r1 - 16) = r1\nr0 = 0\nif r0 > 1 goto +1\nr0 = *(u64 *)(r1 - 24)\nexit`,
  "loops in loops":
    "call get_prandom_u32\nr6 = r0\nr7 = 0\nl:\nr8 = 0\nm:\nr8 += 1\ncall get_prandom_u32\nif r0 > 100 goto +1\nr9 = r8\nif r8 < 1000 goto m\nr7 += 1\nif r7 < 1000 goto l\nr0 = 0\nexit",
};

for (const [name, text] of Object.entries(HOSTILE))
  test(`a hostile program is given up soon: ${name}`, () => {
    const before = process.memoryUsage().rss;
    const seconds = secondsOf(() => {
      const found = verify(text);
      assert.equal(found.verdict === "rejected" ? found.category : "accepted", "limit");
    });
    assert.ok(seconds < MOST_SECONDS, `${seconds} s`);
    assert.ok(process.memoryUsage().rss - before < MOST_BYTES);
  });

test("a program of many blocks that lie the wrong way round takes no longer than another", () => {
  const [set, back] = [assemble("r6 = 1"), assemble("goto -4")].flat();
  const [zero, exit] = assemble("r0 = 0\nexit");
  assert.ok(set !== undefined && back !== undefined && zero !== undefined && exit !== undefined);
  const blocks = 8000;
  // The first jumps to the last, each block to the one before it, the one at the front ends.
  const slots = [{ ...back, offset: 2 + 2 * (blocks - 1) }, zero, exit];
  for (let block = 0; block < blocks; block++) slots.push(set, { ...back, offset: -4 });
  const linked = linkProgram(specOfInstructions("p", slots), "p", new Map());
  const seconds = secondsOf(() => assert.equal(verifyProgram(linked).verdict, "accepted"));
  assert.ok(seconds < MOST_SECONDS, `${seconds} s`);
});
