/** Wrong calls of the door of `anyctx/bpf`: one sentence each, which names the argument, and nothing is done. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, test } from "node:test";
import { Arena } from "../arena/arena.ts";
import { assemble } from "../bpf/isa/assemble.ts";
import { decodeInstructions } from "../bpf/isa/instructions.ts";
import { readObject } from "../bpf/object/object.ts";
import { channel } from "./live/channels.ts";
import { method } from "./live/functions.ts";
import { messages } from "./live/messages.ts";
import { clock } from "./live/timers.ts";
import { loadSpec } from "./load.ts";
import { loadObject } from "./typed-object.ts";
import { verifyObject } from "./verify.ts";

const arena = await Arena.create({ maximumBytes: 1 << 24 });
const bytes = await readFile("examples/bpf/memleak.bpf.o");
const transferred = new Uint8Array(8);
structuredClone(transferred.buffer, { transfer: [transferred.buffer] });
after(() => arena.detach());

/** As somebody calls it who has no types. */
type Loose = (...given: readonly unknown[]) => unknown;
type Wrong = readonly (readonly [given: readonly unknown[], says: RegExp])[];
const load = loadObject as Loose;
const withOptions = (options: unknown): readonly unknown[] => [arena, bytes, options];

const LOADS: Wrong = [
  [[], /^loadObject needs an Arena as arena, not undefined$/],
  [[bytes, arena], /^loadObject needs an Arena as arena, not an object$/],
  [[arena, "memleak.bpf.o"], /^loadObject needs a Uint8Array as given, not "memleak\.bpf\.o"$/],
  [[arena, new Uint8Array(8).buffer], /^loadObject needs a Uint8Array as given, not an object$/],
  [[arena, new Uint16Array(8)], /^loadObject needs a Uint8Array as given, not an object$/],
  [[arena, transferred], /^loadObject needs a Uint8Array as given, not one whose buffer has been transferred$/],
  [withOptions(null), /^loadObject needs an object as options, not null$/],
  [withOptions({ map: 1 }), /^loadObject has no option map, only name, targetBtf, .* and verify$/],
  [withOptions({ engine: "jit" }), /^loadObject has no option engine/],
  [withOptions({ name: 5 }), /^loadObject needs a text as name, not 5$/],
  [withOptions({ verify: "yes" }), /^loadObject needs true or false as verify, not "yes"$/],
  [withOptions({ policy: "linux-5" }), /^There is no policy "linux-5", only linux-6\.0 and linux-6\.1$/],
  [withOptions({ programs: "all" }), /^There is no programs "all", only some and any$/],
  [withOptions({ hashes: 1 }), /^There is no hashes 1, only preallocated and dynamic$/],
  [withOptions({ globals: null }), /^loadObject needs an object as globals, not null$/],
  [withOptions({ globals: { min_size: null } }), /^variable min_size: null is not an integer$/],
  [withOptions({ mapEntries: [1] }), /^loadObject needs an object as mapEntries, not an array$/],
  [withOptions({ enable: "on_kfree" }), /^loadObject needs an array as enable, not "on_kfree"$/],
  [withOptions({ enable: [1] }), /^loadObject needs a text as the name of a program in enable, not 1$/],
  [withOptions({ enable: ["no"] }), /^There is no program of object "no", only on_kmalloc, .* and on_kmem_cache_free$/],
  [withOptions({ helpers: null }), /^loadObject needs an object as helpers, not null$/],
  [
    withOptions({ helpers: { ktime_get_ns: "1" } }),
    /^loadObject needs a whole number as the answer of ktime_get_ns, not "1"$/,
  ],
  [withOptions({ targetBtf: "local" }), /^loadObject needs a Uint8Array as targetBtf, not "local"$/],
];

test("loadObject", async () => {
  for (const [given, message] of LOADS)
    await assert.rejects(async () => load(...given), { name: "AnyctxError", code: "EINVAL", message }, `${message}`);
  assert.deepEqual([...arena.maps()], []);
});

const REGISTERS = { registers: new Uint8Array(8) };
const RUNS: Wrong = [
  [[null], /^the run of on_kmalloc needs an object as options, not null$/],
  [[{ wat: 1 }], /^the run of on_kmalloc has no option wat, only packet, .* and helpers$/],
  [[{ packet: "aa" }], /needs a Uint8Array as packet, not "aa"$/],
  [[{ raw: [1] }], /needs a Uint8Array as raw, not an array$/],
  [[{ registers: 1 }], /needs a Uint8Array as registers, not 1$/],
  [[REGISTERS], /^A program on a tracepoint is given its context's bytes or fields, not registers$/],
  [[{ fields: {}, raw: bytes }], /^A program on a tracepoint is given its context's bytes or fields, not both$/],
  [[{ fields: null }], /needs an object as fields, not null$/],
  [[{ args: 5 }], /needs an array as args, not 5$/],
  [[{ args: [1, "x"] }], /needs a whole number as args\[1\], not "x"$/],
  [[{ returned: 1.5 }], /needs a whole number as returned, not 1\.5$/],
  [[{ time: "now" }], /needs a whole number as time, not "now"$/],
  [[{ cpu: "a" }], /^cpu should be a number from 0 to 3, not a$/],
  [[{ context: "bottom" }], /^There is no context "bottom", only task, softirq, hardirq and nmi$/],
  [[{ context: bytes }], /^There is no context an object, only task/],
  [[{ task: 5 }], /needs an object as task, not 5$/],
  [
    [{ task: { name: "x" } }],
    /^the task of the run of on_kmalloc has no option name, only pid, tgid, comm, uid and gid$/,
  ],
  [[{ task: { comm: 5 } }], /needs a text as comm of its task, not 5$/],
  [[{ memory: {} }], /needs a Map of bytes by address as memory, not an object$/],
  [[{ memory: new Map([[1, bytes]]) }], /needs bigints as addresses of memory, not 1$/],
  [[{ memory: new Map([[1n, "x"]]) }], /needs a Uint8Array as memory at 0x1, not "x"$/],
  [[{ helpers: { nope: 1n } }], /^helpers has nope, which is no helper's name/],
];

test("run, prepare, attach and advance", async () => {
  using object = await loadObject(arena, bytes);
  const { on_kmalloc: program = assert.fail() } = object.programs;
  for (const [given, message] of RUNS)
    assert.throws(() => (program.run as Loose)(...given), { code: "EINVAL", message }, `${message}`);
  const others: readonly (readonly [call: () => unknown, says: RegExp])[] = [
    [() => (program.prepare as Loose)(5), /^the output of on_kmalloc needs an object as options, not 5$/],
    [
      () => (program.prepare as Loose)({ prints: 1 }),
      /^the output of on_kmalloc has no option prints, only print and record$/,
    ],
    [() => (program.prepare as Loose)({ print: 1 }), /^program on_kmalloc needs a function as print, not 1$/],
    [() => (program.attach as Loose)(), /^the source of on_kmalloc needs a function as attach, not undefined$/],
    [() => (program.attach as Loose)({}), /^the source of on_kmalloc needs a function as attach, not undefined$/],
    [() => (object.advance as Loose)("1s"), /^advance needs a whole number as nanoseconds, not "1s"$/],
    [() => object.advance(-1), /^advance should be nanoseconds from 0 on, not -1$/],
  ];
  for (const [call, message] of others) assert.throws(call, { code: "EINVAL", message }, `${message}`);
});

test("sources", () => {
  const owner = { f: (): void => undefined };
  const wrong: readonly (readonly [call: () => unknown, says: RegExp])[] = [
    [() => (clock as Loose)("1"), /^A clock ticks after milliseconds, not after "1"$/],
    [() => (clock as Loose)(1, { take: owner.f }), /^clock has no option take, only print and record$/],
    [() => (messages as Loose)(undefined), /^messages needs a worker or a port, not undefined$/],
    [() => (messages as Loose)({}), /^messages needs a worker or a port, not an object$/],
    [() => (channel as Loose)("x"), /^channel needs a function as subscribe of what it listens to, not undefined$/],
    [() => (method as Loose)(undefined, "f"), /^method needs an object that has the function, not undefined$/],
    [() => (method as Loose)(owner, "f", { parameters: "2" }), /^method needs a whole number as parameters, not "2"$/],
    [() => (method as Loose)(owner, "f", { take: 1 }), /^method needs a function as take, not 1$/],
  ];
  for (const [call, message] of wrong) assert.throws(call, { code: "EINVAL", message }, `${message}`);
});

test("what is beneath: readObject, loadSpec, verifyObject, assemble, decodeInstructions", () => {
  const object = readObject(bytes, "memleak");
  const wrong: readonly (readonly [call: () => unknown, says: RegExp])[] = [
    [() => (readObject as Loose)("x", "x"), /^readObject needs a Uint8Array as bytes, not "x"$/],
    [() => (readObject as Loose)(bytes), /^readObject needs a text as name, not undefined$/],
    [() => (loadSpec as Loose)(undefined, object), /^loadSpec needs an Arena as arena, not undefined$/],
    [
      () => (loadSpec as Loose)(arena, object, { engine: "wasm" }),
      /^There is no engine "wasm", only jit and interpreter$/,
    ],
    [() => (loadSpec as Loose)(arena, object, { nope: 1 }), /^loadSpec has no option nope, only engine, /],
    [() => (verifyObject as Loose)(object, { policy: "x" }), /^There is no policy "x"/],
    [
      () => (verifyObject as Loose)(object, { verify: true }),
      /^verifyObject has no option verify, only policy, beliefs and hashes$/,
    ],
    [() => (assemble as Loose)(5), /^assemble needs a text as text, not 5$/],
    [() => (decodeInstructions as Loose)([1]), /^decodeInstructions needs a Uint8Array as bytes, not an array$/],
  ];
  for (const [call, message] of wrong) assert.throws(call, { code: "EINVAL", message }, `${message}`);
  assert.deepEqual([...arena.maps()], []);
});
