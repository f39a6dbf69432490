/** Programs with an arena map: each case on both engines as Linux 6.18 has answered, and where that can be done as the kernel answers now. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { release } from "node:os";
import { test } from "node:test";
import { Arena } from "../../src/arena/arena.ts";
import { FRAME_BYTES, MAX_FRAMES } from "../../src/bpf/host.ts";
import { assemble } from "../../src/bpf/isa/assemble.ts";
import { encodeInstructions } from "../../src/bpf/isa/instructions.ts";
import { readBtf } from "../../src/bpf/object/btf.ts";
import { readObject } from "../../src/bpf/object/object.ts";
import type { MapSpec } from "../../src/bpf/object/spec.ts";
import { AnyctxError } from "../../src/error.ts";
import type { Engine } from "../../src/load/choices.ts";
import { programHost } from "../../src/load/host.ts";
import { instantiateImage, loadSpec } from "../../src/load/load.ts";
import { verifyObject } from "../../src/load/verify.ts";
import { CONSTANTS } from "../../src/wasm/face.ts";
import { KernelMaps, loadProgram, testRun } from "../../tools/kernel/bpf.ts";
import { SystemCalls } from "../../tools/kernel/loader.ts";
import { objectOf } from "../verifier/object.ts";
import { type ArenaCase, CASES, FIRST, PAGES } from "./cases.ts";

const { KIND_ARENA, MMAPABLE } = CONSTANTS;
const FUNCTIONS = {
  ALLOC: "bpf_arena_alloc_pages",
  FREE: "bpf_arena_free_pages",
  RESERVE: "bpf_arena_reserve_pages",
} as const;

const MAP: MapSpec = {
  ...{ name: "pages", bpfType: KIND_ARENA, keySize: 0, valueSize: 0, maxEntries: PAGES },
  ...{ flags: MMAPABLE, readOnly: false, extra: FIRST },
};

/** A case with calls as they are written for a side. */
function textOf({ text }: ArenaCase, map: string, call: (name: string) => string): string {
  const calls = text.replace(/call (\w+)/g, (_, name: keyof typeof FUNCTIONS) => `call ${call(FUNCTIONS[name])}`);
  return `r9 = ${map}\n${calls}\nexit`;
}

const STACK = FRAME_BYTES * MAX_FRAMES;

/** The lower half of r0, or that it was stopped. */
function runHere(arena: Arena, each: ArenaCase, engine: Engine): number | "fault" {
  const loaded = loadSpec(
    arena,
    objectOf(
      "syscall",
      textOf(each, "&pages", (name) => name),
      [MAP],
    ),
    { engine },
  );
  const stack = arena.allocate(STACK);
  const [image] = loaded.programs;
  assert.ok(image !== undefined, `${each.name}: ${loaded.skipped[0]?.reason}`);
  try {
    const run = instantiateImage(
      image,
      programHost(arena, () => {}),
    );
    return Number(BigInt.asUintN(32, run(stack, arena.core.currentArea(), stack + STACK, 0)));
  } catch (error) {
    if (error instanceof AnyctxError && error.code === "EFAULT") return "fault";
    throw error;
  } finally {
    arena.core.freeBytes(stack);
    for (const { map } of loaded.maps) arena.destroyMap(map.info.name);
    arena.poll();
  }
}

for (const engine of ["interpreter", "jit"] as const)
  test(`${engine}: what programs do with pages and pointers Linux does too`, async () => {
    const arena = await Arena.create({ maximumBytes: 64 << 20 });
    for (const each of CASES) assert.equal(runHere(arena, each, engine), each.here?.[0] ?? each.linux, each.name);
  });

/** Numbers of the kernel's functions in its types. */
function kernelFunctions(): ReadonlyMap<string, number> {
  const { btf } = readBtf(readFileSync("/sys/kernel/btf/vmlinux"), "the kernel's types");
  return new Map(
    btf.types.flatMap(({ kind, name }, id) => (kind === "func" && /^bpf_arena_/.test(name) ? [[name, id]] : [])),
  );
}

/** BPF_PROG_TYPE_SYSCALL, BPF_F_SLEEPABLE. */
const [SYSCALL, SLEEPABLE] = [31, 16];

async function runThere(calls: SystemCalls, each: ArenaCase, functions: ReadonlyMap<string, number>): Promise<number> {
  const maps = new KernelMaps(calls);
  const map = await maps.create([KIND_ARENA, 0, 0, PAGES, MMAPABLE, 0, 0], FIRST);
  if (map < 0) throw new Error(`errno ${-map}`);
  const text = textOf(each, `map(${map}) ll`, (name) => `kfunc ${functions.get(name)}`);
  const program = await loadProgram(calls, SYSCALL, encodeInstructions(assemble(text)), SLEEPABLE);
  if (typeof program === "string") throw new Error(program);
  const { returned } = await testRun(calls, program, { repeat: 0 });
  for (const fd of [program, map]) await maps.close(fd);
  return returned;
}

test("as the running kernel answers", async (context) => {
  const calls = new SystemCalls();
  try {
    const functions = kernelFunctions();
    if (functions.size < 3) return context.skip("this kernel has no functions on arena maps");
    for (const [index, each] of CASES.entries()) {
      const there = await runThere(calls, each, functions).catch((cause: Error) => cause);
      if (typeof there !== "number" && index === 0) return context.skip(`bpf(2) does not work here: ${there.message}`);
      assert.equal(there, each.linux, each.name);
    }
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ENOENT") throw cause;
    context.skip("this kernel tells no types");
  } finally {
    calls.close();
  }
});

/** What the verifier refuses, and why. */
const REFUSED: readonly (readonly [text: string, says: RegExp])[] = [
  [
    "r1 = addr_space_cast(r10, 0x0, 0x1)\nr0 = 0",
    /casts a pointer between address spaces, and the program has no arena map/,
  ],
  [
    "r9 = &pages\nr1 = addr_space_cast(r10, 0x0, 0x1)\nr2 = 8\nr3 = r10\ncall probe_read_kernel",
    /writes 8 bytes of the arena map, which helpers do not look into/,
  ],
  [
    "r9 = &pages\nr2 = r10\ncall get_prandom_u32\nr2 = r10\nif r0 == 0 goto +1\nr2 = addr_space_cast(r10, 0x0, 0x1)\n*(u64 *)(r2 - 8) = 1\nr0 = 0",
    /accesses the arena map on one path, and something else on another/,
  ],
  ["r9 = &pages\nr1 = addr_space_cast(r10, 0x0, 0x1)\nr2 = r10\nr2 *= r1\nr0 = 0", /a pointer to the stack/],
  ["r9 = &pages\nr1 = r9\nr2 = *(u64 *)(r1 + 0)\nr0 = 0", /which is no memory of the program's/],
  ["r1 = 5\nr2 = 0\nw3 = 1\nw4 = 0\nr5 = 0\ncall bpf_arena_alloc_pages", /takes a map as argument 1/],
];

test("what may go wrong with pointers into an arena map is refused", () => {
  for (const [text, says] of REFUSED) {
    const [verdict] = verifyObject(objectOf("syscall", `${text}\nexit`, [MAP]));
    assert.match(verdict?.message ?? "accepted", says, text);
  }
});

/** A case's call, in sections of programs that may sleep and that may not, as Linux 6.18 has answered all of them. */
const SLEEPING: readonly (readonly [section: string, number: number, flags: number])[] = [
  ["socket", 1, 0],
  ["tc", 3, 0],
  ["xdp", 6, 0],
  ["tracepoint/a/b", 5, 0],
  ["raw_tp/a", 17, 0],
  ["kprobe/a", 2, 0],
  ["perf_event", 7, 0],
  ["cgroup_skb/ingress", 8, 0],
  ["uprobe.s/a", 2, SLEEPABLE],
  ["syscall", SYSCALL, SLEEPABLE],
];

/** What is around the calls, and whether they may be made there by a program that may sleep. */
const AROUND: readonly (readonly [before: string, after: string, isAllowed: boolean])[] = [
  ["", "", true],
  ["bpf_rcu_read_lock", "bpf_rcu_read_unlock", false],
  ["bpf_preempt_disable", "bpf_preempt_enable", false],
];

function* sleepingCases() {
  for (const name of Object.values(FUNCTIONS))
    for (const [section, number, flags] of SLEEPING)
      for (const [before, after, isAllowed] of AROUND) {
        const textFor = (map: string, call: (name: string) => string): string =>
          [
            ...(before === "" ? [] : [`call ${call(before)}`]),
            ...[`r1 = ${map}`, "r2 = 0", "w3 = 1", "w4 = 0", "w5 = 0", `call ${call(name)}`],
            ...(after === "" ? [] : [`call ${call(after)}`]),
            ...["r0 = 0", "exit"],
          ].join("\n");
        yield {
          what: `${name} in ${section} ${before}`,
          section,
          number,
          flags,
          textFor,
          accepted: isAllowed && flags !== 0,
        };
      }
}

test("functions that may sleep are for programs that may, where nothing keeps them from it", () => {
  for (const { what, section, textFor, accepted } of sleepingCases()) {
    const [verdict] = verifyObject(objectOf(section, textFor("&pages", String), [MAP]));
    assert.equal(verdict?.verdict, accepted ? "accepted" : "rejected", `${what}: ${verdict?.message}`);
    if (!accepted)
      assert.deepEqual([verdict?.category, /may sleep/.test(verdict?.message ?? "")], ["sleep", true], what);
  }
});

test("what a workqueue calls may sleep, whatever the program; what a timer calls may not", async () => {
  const object = readObject(readFileSync("src/bpf/fixtures/sleeping.bpf.o"), "sleeping");
  const verdicts = verifyObject(object).map(({ program, verdict, message = "" }) => [program, verdict, message]);
  assert.deepEqual(verdicts, [
    ["by_workqueue", "accepted", ""],
    ["by_timer", "rejected", "bpf_arena_alloc_pages() may sleep, and is called by a timer"],
  ]);
});

test("as the running kernel answers of them", async (context) => {
  const calls = new SystemCalls();
  try {
    const { btf } = readBtf(readFileSync("/sys/kernel/btf/vmlinux"), "the kernel's types");
    if (!release().startsWith("6.18.")) return context.skip("it is not 6.18");
    const idOf = (name: string): string =>
      `kfunc ${btf.types.findIndex((each) => each.kind === "func" && each.name === name)}`;
    const maps = new KernelMaps(calls);
    const map = await maps.create([KIND_ARENA, 0, 0, PAGES, MMAPABLE, 0, 0], FIRST);
    if (map < 0) return context.skip(`bpf(2) does not work here: errno ${-map}`);
    for (const { what, number, flags, textFor, accepted } of sleepingCases()) {
      const code = encodeInstructions(assemble(textFor(`map(${map}) ll`, idOf)));
      const found = await loadProgram(calls, number, code, flags);
      assert.equal(typeof found === "number", accepted, `${what}: ${found}`);
      if (typeof found === "number") await maps.close(found);
    }
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ENOENT") throw cause;
    context.skip("this kernel tells no types");
  } finally {
    calls.close();
  }
});

test("a program has one arena map", async () => {
  const two = [MAP, { ...MAP, name: "others" }];
  const [verdict] = verifyObject(objectOf("syscall", "r1 = &pages\nr2 = &others\nr0 = 0\nexit", two));
  assert.match(verdict?.message ?? "accepted", /it uses 2 arena maps, of which a program has one/);
});
