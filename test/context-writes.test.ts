/** Writes to contexts: which Linux 6.18 takes and what is read back afterwards, and as the kernel answers now. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Arena } from "../src/arena/arena.ts";
import { assemble } from "../src/bpf/isa/assemble.ts";
import { encodeInstructions } from "../src/bpf/isa/instructions.ts";
import { DirectRuns } from "../src/load/direct.ts";
import { loadSpec } from "../src/load/load.ts";
import { verifyObject } from "../src/load/verify.ts";
import { closeFile, loadProgram, testRun } from "../tools/kernel/bpf.ts";
import { SystemCalls } from "../tools/kernel/loader.ts";
import { objectOf } from "./verifier/object.ts";

const WIDTHS = [1, 2, 4, 8] as const;
/** Parts of a context that are written by so many bytes at a time: `8-16 32-36`. */
type Writes = Partial<Record<(typeof WIDTHS)[number], string>>;

interface Row {
  readonly section: string;
  /** `enum bpf_prog_type` and `enum bpf_attach_type` of Linux. */
  readonly type: number;
  readonly attach?: number;
  readonly bytes: number;
  readonly writes: Writes;
}

const CB: Writes = { 1: "48-68", 2: "48-68", 8: "48-64" };
const LWT: Writes = { ...CB, 4: "8-12 32-36 48-68" };
const SK_SKB: Writes = { 4: "32-36 44-48" };
const SOCK: Writes = { 4: "0-4 16-24" };
const NO_CONTEXT_WRITES: Writes = {};

const addresses = (place: string, attach: number, writes: Writes): Row => ({
  ...{ section: `cgroup/${place}`, type: 18, attach, bytes: 72, writes },
});
const [FOUR, SIX]: readonly Writes[] = [{ 4: "4-8 24-28" }, { 4: "8-28", 8: "8-24" }];
const UNIX: Writes = { 4: "24-28" };

const ROWS: readonly Row[] = [
  { section: "socket", type: 1, bytes: 192, writes: { ...CB, 4: "48-68" } },
  { section: "tc", type: 3, bytes: 192, writes: { ...CB, 4: "8-16 32-36 44-68 72-76", 8: "48-64 152-160" } },
  { section: "cgroup_skb/ingress", type: 8, bytes: 192, writes: { ...LWT, 8: "48-64 152-160" } },
  { section: "lwt_in", type: 10, bytes: 192, writes: LWT },
  { section: "lwt_out", type: 11, bytes: 192, writes: LWT },
  { section: "lwt_xmit", type: 12, bytes: 192, writes: LWT },
  { section: "lwt_seg6local", type: 19, bytes: 192, writes: LWT },
  { section: "sk_skb/stream_parser", type: 14, attach: 4, bytes: 192, writes: SK_SKB },
  { section: "sk_skb/stream_verdict", type: 14, attach: 5, bytes: 192, writes: SK_SKB },
  { section: "xdp", type: 6, bytes: 24, writes: NO_CONTEXT_WRITES },
  { section: "cgroup/sock_create", type: 9, attach: 2, bytes: 80, writes: SOCK },
  { section: "cgroup/sock_release", type: 9, attach: 34, bytes: 80, writes: SOCK },
  { section: "cgroup/post_bind4", type: 9, attach: 12, bytes: 80, writes: NO_CONTEXT_WRITES },
  { section: "cgroup/post_bind6", type: 9, attach: 13, bytes: 80, writes: NO_CONTEXT_WRITES },
  { section: "sockops", type: 13, attach: 3, bytes: 224, writes: { 4: "4-8 164-168" } },
  { section: "sk_msg", type: 16, attach: 7, bytes: 80, writes: NO_CONTEXT_WRITES },
  { section: "cgroup/dev", type: 15, attach: 6, bytes: 12, writes: NO_CONTEXT_WRITES },
  { section: "cgroup/sysctl", type: 23, attach: 18, bytes: 8, writes: { 4: "4-8" } },
  { section: "cgroup/getsockopt", type: 25, attach: 21, bytes: 40, writes: { 4: "32-40" } },
  { section: "cgroup/setsockopt", type: 25, attach: 22, bytes: 40, writes: { 4: "24-36" } },
  { section: "sk_lookup", type: 30, attach: 36, bytes: 72, writes: NO_CONTEXT_WRITES },
  { section: "sk_reuseport", type: 21, attach: 39, bytes: 56, writes: NO_CONTEXT_WRITES },
  { section: "flow_dissector", type: 22, attach: 17, bytes: 192, writes: NO_CONTEXT_WRITES },
  { section: "perf_event", type: 7, bytes: 184, writes: NO_CONTEXT_WRITES },
  { section: "netfilter", type: 32, attach: 45, bytes: 16, writes: NO_CONTEXT_WRITES },
  ...[addresses("bind4", 8, FOUR ?? {}), addresses("bind6", 9, SIX ?? {})],
  ...[addresses("connect4", 10, FOUR ?? {}), addresses("connect6", 11, SIX ?? {})],
  addresses("sendmsg4", 14, { 4: "4-8 24-28 40-44" }),
  addresses("sendmsg6", 15, { 4: "8-28 44-60", 8: "8-24 48-56" }),
  ...[addresses("recvmsg4", 19, FOUR ?? {}), addresses("recvmsg6", 20, SIX ?? {})],
  ...[addresses("getpeername4", 29, FOUR ?? {}), addresses("getpeername6", 30, SIX ?? {})],
  ...[addresses("getsockname4", 31, FOUR ?? {}), addresses("getsockname6", 32, SIX ?? {})],
  ...["connect_unix", "sendmsg_unix", "recvmsg_unix", "getpeername_unix", "getsockname_unix"].map((place, index) =>
    addresses(place, 49 + index, UNIX),
  ),
];

/** A program that writes there, and returns what programs of each type may. */
const writing = (bytes: number, offset: number): string =>
  `r2 = 1\n*(u${bytes * 8} *)(r1 + ${offset}) = r2\nr0 = 1\nexit`;

async function writesOf(
  { bytes }: Row,
  takes: (text: string) => boolean | Promise<boolean>,
): Promise<Readonly<Writes>> {
  const writes: Writes = {};
  for (const width of WIDTHS) {
    const parts: { from: number; to: number }[] = [];
    for (let at = 0; at + width <= bytes; at += width) {
      if (!(await takes(writing(width, at)))) continue;
      const last = parts.at(-1);
      if (last?.to === at) last.to += width;
      else parts.push({ from: at, to: at + width });
    }
    if (parts.length > 0) writes[width] = parts.map(({ from, to }) => `${from}-${to}`).join(" ");
  }
  return writes;
}

test("contexts are written to where, and as many bytes at a time, as Linux lets programs", async () => {
  for (const row of ROWS) {
    const ours = await writesOf(row, (text) => {
      const [verdict] = verifyObject(objectOf(row.section, text, []));
      return verdict?.verdict === "accepted";
    });
    assert.deepEqual(ours, row.writes, row.section);
  }
});

test("as the running kernel lets them", async (context) => {
  const calls = new SystemCalls();
  try {
    for (const row of ROWS) {
      const theirs = await writesOf(row, async (text) => {
        const program = await loadProgram(calls, row.type, encodeInstructions(assemble(text)), 0, row.attach);
        if (typeof program === "string") return false;
        await closeFile(calls, program);
        return true;
      });
      if (row === ROWS[0] && Object.keys(theirs).length === 0) return context.skip("bpf(2) does not work here");
      assert.deepEqual(theirs, row.writes, row.section);
    }
  } finally {
    calls.close();
  }
});

const [MARK, QUEUE, PRIORITY, INDEX, CB_FIRST, CLASS] = [8, 12, 32, 44, 48, 72] as const;
const BEFORE = 7;

/** What a field of traffic control's holds after 7 and then a number were written to it, on Linux 6.18. */
const VALUES: readonly (readonly [field: number, number: string, held: number])[] = [
  ...[MARK, PRIORITY, CB_FIRST].flatMap((field) => [
    [field, "0x12345678", 0x12345678] as const,
    [field, "0xffffffff", 0xffffffff] as const,
    [field, "0x100000005", 5] as const,
  ]),
  ...[INDEX, CLASS].flatMap((field) => [
    [field, "0x12345678", 0x5678] as const,
    [field, "0xffff", 0xffff] as const,
    [field, "0x10000", 0] as const,
    [field, "0xffffffff", 0xffff] as const,
    [field, "0x100000005", 5] as const,
  ]),
  [QUEUE, "0x12345678", BEFORE],
  [QUEUE, "0xfffe", 0xfffe],
  [QUEUE, "0xffff", BEFORE],
  [QUEUE, "0x10000", BEFORE],
  [QUEUE, "0xffffffff", BEFORE],
  [QUEUE, "0x100000005", BEFORE],
];
/** The same of immediates: a negative one is less than the largest queue. */
const IMMEDIATES: readonly (readonly [field: number, number: string, held: number])[] = [
  [MARK, "-1", 0xffffffff],
  [CLASS, "0x12345678", 0x5678],
  [INDEX, "-1", 0xffff],
  [QUEUE, "0xfffe", 0xfffe],
  [QUEUE, "0xffff", BEFORE],
  [QUEUE, "-1", 0xffff],
];

const WRITE = VALUES.map(
  ([field, number, held]) => [`r2 = ${number} ll\n*(u32 *)(r1 + ${field}) = r2`, field, held] as const,
);
const WRITE_IMMEDIATE = IMMEDIATES.map(
  ([field, number, held]) => [`*(u32 *)(r1 + ${field}) = ${number}`, field, held] as const,
);
/** Whole programs, with what they return. */
const CASES = [...WRITE, ...WRITE_IMMEDIATE].flatMap(([write, field, held]) => {
  const both = `*(u32 *)(r1 + ${field}) = ${BEFORE}\n${write}`;
  const body = `${both}\nr0 = *(u32 *)(r1 + ${field})\nexit`;
  return [
    [body, held],
    [`r2 = 0\ncall f\nexit\nf:\n${body}`, held],
  ] as const;
});

for (const engine of ["interpreter", "jit"] as const)
  for (const verify of [true, false])
    test(`${engine}${verify ? "" : ", unverified"}: a field keeps as much of a number as Linux's does`, async () => {
      const arena = await Arena.create({ maximumBytes: 16 << 20 });
      const resultOf = (section: string, text: string): bigint | undefined => {
        const loaded = loadSpec(arena, objectOf(section, text, []), { engine, verify });
        assert.deepEqual(loaded.skipped, [], text);
        const input = section === "tc" ? { packet: new Uint8Array(60) } : { context: new Uint8Array(8) };
        const { result, error } = new DirectRuns(arena, loaded).run({ program: "program", ...input });
        assert.equal(error, undefined, text);
        return result === undefined ? undefined : BigInt.asUintN(32, result);
      };
      for (const [text, held] of CASES) assert.equal(resultOf("tc", text), BigInt(held), text);
      // The stack has all bits, whether it is known to be the stack or not.
      const body = (field: number): string =>
        `r2 = 0x12345678 ll\n*(u32 *)(r1 + ${field}) = r2\nr0 = *(u32 *)(r1 + ${field})`;
      for (const field of [QUEUE, INDEX, CLASS]) {
        assert.equal(resultOf("tc", `r1 = r10\nr1 += -80\n${body(field)}\nexit`), 0x12345678n);
        assert.equal(resultOf("tc", `r1 = r10\nr1 += -80\ncall f\nexit\nf:\n${body(field)}\nexit`), 0x12345678n);
      }
      // A port has 16 bits in the kernel's own address (as its stores to it show).
      const port = `${body(24)}\nr2 = r0\nr0 = 1\nif r2 == 0x5678 goto +1\nr0 = 0\nexit`;
      assert.equal(resultOf("cgroup/bind4", port), 1n);
    });

test("as the running kernel's fields do", async (context) => {
  const calls = new SystemCalls();
  try {
    for (const [text, held] of CASES) {
      const program = await loadProgram(calls, 3, encodeInstructions(assemble(text)));
      if (typeof program === "string") {
        if (text === CASES[0]?.[0]) return context.skip(`bpf(2) does not work here: ${program}`);
        assert.fail(`${text}: ${program}`);
      }
      const { returned } = await testRun(calls, program, { packet: new Uint8Array(60), repeat: 1 });
      assert.equal(returned >>> 0, held, text);
      await closeFile(calls, program);
    }
  } finally {
    calls.close();
  }
});
