/** Objects as TypeScript has them: typed by what the compiler wrote, run on what a test gives. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Arena } from "../arena/arena.ts";
import { readObject } from "../bpf/object/object.ts";
import type { KernelTypes } from "../bpf/shipped/kernel-types.ts";
import { LINUX_6_18 } from "../bpf/shipped/linux-6.18.ts";
import { declarationsOf } from "./declarations.ts";
import { loadObject, type RunResult } from "./typed-object.ts";

const MEMLEAK = readFileSync("examples/bpf/memleak.bpf.o");
const SYSLAT = readFileSync("examples/bpf/syslat.bpf.o");
const arena = await Arena.create({ maximumBytes: 128 << 20, cpus: 2, seed: 6 });
arena.takeCpu(1);
arena.switchCpu(0);

interface Memleak {
  maps: {
    allocs: { key: bigint | number; value: { size: bigint; call_site: bigint } };
    sites: { key: bigint | number; value: { bytes: bigint; count: bigint } };
  };
  globals: { min_size: bigint; failed: bigint };
  programs: "on_kmalloc" | "on_kfree";
}

test("a program runs on an event's fields; maps and variables are what its types say", async () => {
  const object = await loadObject<Memleak>(arena, MEMLEAK, { name: "memleak", globals: { min_size: 64 } });
  const { on_kmalloc, on_kfree } = object.programs;
  const { allocs, sites } = object.maps;
  assert.deepEqual(
    on_kmalloc.run({ fields: { ptr: 4096n, bytes_alloc: 64, call_site: 7 }, context: "hardirq", cpu: 1 }),
    {
      ...{ result: 0n, error: undefined, printed: [], packet: undefined, records: {} },
    },
  );
  on_kmalloc.run({ fields: { ptr: 8192, bytes_alloc: 63, call_site: 7 } });
  assert.deepEqual([...allocs], [[4096n, { size: 64n, call_site: 7n }]]);
  assert.deepEqual(sites.get(7n), { bytes: 64n, count: 1n });
  sites.set(8n, { bytes: 1n, count: 2n ** 64n - 1n });
  on_kmalloc.run({ fields: { ptr: 3n, bytes_alloc: 100n, call_site: 8n } });
  assert.deepEqual(sites.get(8), { bytes: 101n, count: 0n });
  on_kfree.run({ fields: { ptr: 4096n } });
  assert.equal(allocs.has(4096n), false);
  assert.deepEqual([object.globals.min_size, object.globals.failed], [64n, 0n]);
  object.globals.failed = 5n;
  assert.equal(object.globals.failed, 5n);
  assert.throws(() => (object.globals.min_size = 1n), { code: "EINVAL", message: /constant once it is loaded/ });
  object.close();
  assert.throws(() => object.globals.failed, { code: "EBADF" });
  assert.throws(() => allocs.get(1n), { code: "EBADF" });
});

test("what cannot be held exactly, and fields that there are not, are refused", async () => {
  using object = await loadObject<Memleak>(arena, MEMLEAK, { name: "memleak" });
  const { sites } = object.maps;
  const refused = (act: () => unknown, message: RegExp): void => void assert.throws(act, { code: "EINVAL", message });
  refused(() => sites.set(-1n, { bytes: 0n, count: 0n }), /from 0 to 18446744073709551615, not -1n/);
  refused(() => sites.set(1n, { bytes: 2n ** 64n, count: 0n }), /bytes is a whole number/);
  refused(() => sites.set(1n, { bytes: 0.5 } as never), /bytes is a whole number/);
  refused(() => sites.set(1n, { byte: 1n } as never), /there is no field byte, only bytes, count/);
  const { on_kmalloc } = object.programs;
  refused(() => on_kmalloc.run({ fields: { pointer: 1 } }), /no field pointer, only .*ptr/);
  refused(() => on_kmalloc.run({ fields: { ptr: 2n ** 64n } }), /ptr .* is a whole number of 8 bytes/);
  refused(() => on_kmalloc.run({ fields: { ptr: "x" } }), /whole number/);
  refused(() => on_kmalloc.run({ packet: new Uint8Array(8) }), /is given its context's bytes or fields, not packet/);
  refused(() => on_kmalloc.run({ cpu: 2 }), /There are 2 CPUs/);
  assert.equal(sites.size, 0);
  sites.set(1n, { count: 3n } as never);
  assert.deepEqual(sites.get(1n), { bytes: 0n, count: 3n });
});

test("structs in structs, arrays and time: a latency's histogram", async () => {
  using object = await loadObject(arena, SYSLAT, { name: "syslat" });
  const { on_sys_enter: enter, on_sys_exit: exit } = object.programs;
  const task = { pid: 9, tgid: 8, comm: "x" };
  assert.ok(enter !== undefined && exit !== undefined);
  enter.run({ fields: { id: 3 }, time: 1000, task });
  exit.run({ fields: { id: 3 }, time: 3000n, task });
  // A value for each CPU.
  const [[latency] = []] = (object.maps["latencies"]?.values() ?? []) as Iterable<unknown[]>;
  const { count, total_ns, slots } = latency as { count: bigint; total_ns: bigint; slots: number[] };
  assert.deepEqual([count, total_ns, slots.length], [1n, 2000n, 26]);
  assert.equal(
    slots.reduce((sum, each) => sum + each, 0),
    1,
  );
});

test("helpers answer what a test says, by a number or a function of their arguments", async () => {
  const object = await loadObject(arena, SYSLAT, { name: "syslat", helpers: { ktime_get_ns: 5 } });
  const enter = object.programs["on_sys_enter"];
  enter?.run({ fields: { id: 3 }, task: { pid: 1 } });
  assert.deepEqual([...(object.maps["starts"]?.values() ?? [])].length, 1);
  const seen: bigint[][] = [];
  const given = {
    map_update_elem: (...args: bigint[]) => {
      seen.push(args);
      return -12;
    },
  };
  enter?.run({ fields: { id: 3 }, task: { pid: 2 }, helpers: given });
  assert.equal(seen.length, 1);
  assert.equal(object.globals["failed"], 1n);
  const wrong = { fields: { id: 3 }, helpers: { bpf_ktime_get_ns: 5 } };
  assert.throws(() => enter?.run(wrong), { code: "EINVAL", message: /^helpers has bpf_ktime_get_ns, which is no/ });
  object.close();
});

test("a source runs a program until its link is gone", async () => {
  using object = await loadObject<Memleak>(arena, MEMLEAK, { name: "memleak" });
  const hooks = new Set<(pointer: number) => RunResult>();
  const link = object.programs.on_kmalloc.attach({
    attach: (run) => {
      const hook = (ptr: number): RunResult => run({ fields: { ptr, bytes_alloc: 8 } });
      hooks.add(hook);
      return { [Symbol.dispose]: () => void hooks.delete(hook) };
    },
  });
  for (const hook of hooks) hook(1);
  link[Symbol.dispose]();
  for (const hook of hooks) hook(2);
  assert.equal(object.maps.allocs.size, 1);
});

test("what is no object, or has nothing that runs, is refused and leaves nothing", async () => {
  const before = arena.maps().length;
  await assert.rejects(loadObject(arena, new Uint8Array(100)), { code: "BAD_OBJECT" });
  await assert.rejects(loadObject(arena, MEMLEAK, { globals: { nothing: 1 } }), { code: "EINVAL" });
  await assert.rejects(loadObject(arena, MEMLEAK, { mapEntries: { nothing: 1 } }), { code: "EINVAL" });
  assert.equal(arena.maps().length, before);
});

test("an object's declarations are what it is typed by", () => {
  assert.equal(
    declarationsOf(readObject(MEMLEAK, "examples/memleak.bpf.o")),
    `/** What is in an object, for loadObject<Memleak>() of anyctx/bpf. Written by anyctx types. */
export interface Memleak {
  maps: {
    allocs: { key: bigint; value: { size: bigint; call_site: bigint; } };
    sites: { key: bigint; value: { bytes: bigint; count: bigint; } };
  };
  globals: {
    min_size: bigint;
    max_size: bigint;
    reused: bigint;
    unknown_frees: bigint;
    failed: bigint;
  };
  programs: "on_kmalloc" | "on_kmem_cache_alloc" | "on_kfree" | "on_kmem_cache_free";
}
`,
  );
});

test("the types of a kernel come from an ELF file too, whatever its machine", async () => {
  const [core, target] = ["core", "core-target"].map((name) => readFileSync(`src/bpf/fixtures/${name}.bpf.o`));
  assert.ok(core !== undefined && target !== undefined);
  const follows = async (targetBtf: Uint8Array | KernelTypes): Promise<bigint | undefined> => {
    const object = await loadObject(arena, core, { name: "core", targetBtf, verify: false });
    const memory = new Map([[1n << 40n, Uint8Array.from({ length: 512 }, (_, at) => at & 0xff)]]);
    try {
      return object.programs["follows"]?.run({ args: [1n << 40n], memory }).result;
    } finally {
      object.close();
    }
  };
  const expected = await follows(target);
  assert.notEqual(expected, undefined);
  // An image for x86-64 that can be run.
  const image = Uint8Array.from(target);
  new DataView(image.buffer).setUint16(16, 2, true);
  new DataView(image.buffer).setUint16(18, 62, true);
  assert.equal(await follows(image), expected);
  await assert.rejects(follows({ ...LINUX_6_18, packed: "" }), { code: "BAD_OBJECT", message: /linux-6\.18/ });
  // What comes along has none of its types: they are its own, as without.
  const own = await loadObject(arena, core, { name: "core", verify: false });
  const memory = new Map([[1n << 40n, Uint8Array.from({ length: 512 }, (_, at) => at & 0xff)]]);
  const without = own.programs["follows"]?.run({ args: [1n << 40n], memory }).result;
  own.close();
  assert.equal(await follows(LINUX_6_18), without);
  await assert.rejects(follows(target.subarray(0, 100)), { code: "BAD_OBJECT", message: /targetBtf/ });
});
