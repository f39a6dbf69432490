/** Loads from the packet by instructions (ld_abs, ld_ind): on both engines, as Linux 6.18 has answered, and as the kernel answers now. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Arena } from "../src/arena/arena.ts";
import { assemble } from "../src/bpf/isa/assemble.ts";
import { encodeInstructions } from "../src/bpf/isa/instructions.ts";
import { DirectRuns } from "../src/load/direct.ts";
import { loadSpec } from "../src/load/load.ts";
import { verifyObject } from "../src/load/verify.ts";
import { loadProgram, testRun } from "../tools/kernel/bpf.ts";
import { SystemCalls } from "../tools/kernel/loader.ts";
import { objectOf } from "./verifier/object.ts";

const PACKET = Uint8Array.from({ length: 60 }, (_, index) => (index < 14 ? index : 0x80 + index));

/** Programs for traffic control, with what they return on Linux 6.18. */
const CASES: readonly (readonly [text: string, linux: number])[] = [
  ["r6 = r1\nr0 = *(u8 *)skb[5]", 5],
  ["r6 = r1\nr0 = *(u16 *)skb[12]", 0x0c0d],
  ["r6 = r1\nr0 = *(u32 *)skb[12]", 0x0c0d8e8f],
  ["r6 = r1\nr0 = *(u32 *)skb[56]\nr0 >>= 31", 1],
  ["r6 = r1\nr0 = *(u32 *)skb[56]\nr0 >>= 32", 0],
  ["r6 = r1\nr0 = 7\nr0 = *(u32 *)skb[57]\nr0 = 7", 0],
  ["r6 = r1\nr0 = *(u8 *)skb[59]", 0xbb],
  ["r6 = r1\nr0 = *(u8 *)skb[60]\nr0 = 7", 0],
  ["r6 = r1\nr2 = 10\nr0 = *(u16 *)skb[r2 + 2]", 0x0c0d],
  ["r6 = r1\nr2 = -2\nr0 = *(u16 *)skb[r2 + 2]", 1],
  ["r6 = r1\nr2 = 60\nr0 = *(u8 *)skb[r2 + 0]\nr0 = 7", 0],
  ["r6 = r1\nr0 = *(u8 *)skb[-1]\nr0 = 7", 0],
  ["r6 = r1\nr0 = *(u16 *)skb[-1048576]", 0x8e8f],
  ["r6 = r1\nr0 = *(u16 *)skb[-2097140]", 0x0c0d],
];
/** In a function that is called, for which Linux wants types: there it is the function that ends. */
const IN_FUNCTION = ["r6 = r1\ncall f\nr0 += 1\nexit\nf:\nr6 = r1\nr0 = *(u8 *)skb[60]\nr0 = 9", 1] as const;

for (const engine of ["interpreter", "jit"] as const)
  test(`${engine}: numbers of the packet, and the end where it has no such bytes`, async () => {
    const arena = await Arena.create({ maximumBytes: 16 << 20 });
    for (const [text, linux] of [...CASES, IN_FUNCTION]) {
      const loaded = loadSpec(arena, objectOf("tc", `${text}\nexit`, []), { engine, verify: true });
      assert.deepEqual(loaded.skipped, [], text);
      const { result, error } = new DirectRuns(arena, loaded).run({ program: "program", packet: PACKET });
      assert.equal(error, undefined, text);
      assert.equal(Number(BigInt.asUintN(32, result ?? -1n)), linux, text);
    }
  });

const SCHED_CLS = 3;

test("as the running kernel answers", async (context) => {
  const calls = new SystemCalls();
  try {
    for (const [index, [text, linux]] of CASES.entries()) {
      const program = await loadProgram(calls, SCHED_CLS, encodeInstructions(assemble(`${text}\nexit`))).catch(String);
      if (typeof program === "string") {
        if (index === 0) return context.skip(`bpf(2) does not work here: ${program}`);
        assert.fail(`${text}: ${program}`);
      }
      assert.equal((await testRun(calls, program, { packet: PACKET, repeat: 1 })).returned, linux, text);
    }
  } finally {
    calls.close();
  }
});

const REFUSED: readonly (readonly [section: string, text: string, says: RegExp])[] = [
  ["xdp", "r6 = r1\nr0 = *(u8 *)skb[5]", /which programs of type xdp do not/],
  ["tc", "r0 = *(u8 *)skb[5]", /it reads r6, to which nothing was written/],
  ["tc", "r6 = r10\nr0 = *(u8 *)skb[5]", /r6 holds the stack where the context has to be/],
  ["tc", "r6 = r1\nr0 = *(u8 *)skb[5]\nr0 = r1", /r1, which a call has left without a value/],
  ["tc", "r6 = r1\nr0 = *(u8 *)skb[r3 + 5]", /it reads r3/],
  [
    "tc",
    "r6 = r1\ncall bpf_rcu_read_lock\nr0 = *(u8 *)skb[5]\ncall bpf_rcu_read_unlock\nr0 = 0",
    /it may end where the packet does with/,
  ],
  // The function gives 0 where the packet has no such bytes, so that r9 is read.
  ["tc", "call f\nif r0 != 0 goto +1\nr0 = r9\nr0 = 0\nexit\nf:\nr6 = r1\nr0 = *(u8 *)skb[5]\nr0 = 1", /it reads r9/],
  ["tc", "r6 = r1\nr0 = *(u64 *)skb[5]", /8 bytes from the packet .* there is none/],
];

test("what no kernel takes is refused", () => {
  for (const [section, text, says] of REFUSED) {
    const [verdict] = verifyObject(objectOf(section, `${text}\nexit`, []));
    assert.match(verdict?.message ?? "accepted", says, text);
  }
});
