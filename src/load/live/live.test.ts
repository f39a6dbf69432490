import assert from "node:assert/strict";
import { channel as diagnosticsChannel } from "node:diagnostics_channel";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { MessageChannel } from "node:worker_threads";
import { Arena } from "../../arena/arena.ts";
import { assemble } from "../../bpf/isa/assemble.ts";
import { specOfInstructions } from "../../bpf/object/spec.ts";
import { programKind } from "../../bpf/programs/table.ts";
import { AnyctxError } from "../../error.ts";
import { loadSpec } from "../load.ts";
import { PreparedProgram } from "../prepared.ts";
import type { TypedProgram } from "../typed-object.ts";
import { channel } from "./channels.ts";
import { method } from "./functions.ts";
import type { LiveOptions } from "./link.ts";
import { messages } from "./messages.ts";
import { LIVE_SOURCES } from "./sources.ts";
import { clock } from "./timers.ts";

/** Prints r7. */
const PRINT =
  "r1 = 0x646c25\n*(u64 *)(r10 - 8) = r1\nr1 = r10\nr1 += -8\nr2 = 4\nr3 = r7\ncall trace_printk\nr0 = 0\nexit";

const argument = (offset: number): string => `r7 = *(u64 *)(r1 + ${offset})\n${PRINT}`;

interface Made {
  readonly program: TypedProgram;
  readonly printed: string[];
  readonly options: LiveOptions;
  readonly arena: Arena;
}

async function make(section: string, text: string): Promise<Made> {
  const arena = await Arena.create({ maximumBytes: 1 << 24 });
  const spec = specOfInstructions("live", assemble(text));
  const programs = spec.programs.map((each) => ({ ...each, section, kind: programKind(section) }));
  const loaded = loadSpec(arena, { ...spec, functions: programs, programs }, { engine: "interpreter", verify: true });
  const [image = assert.fail()] = loaded.programs;
  const task = { pid: 7, comm: "test" };
  const prepare: TypedProgram["prepare"] = (output = {}) => new PreparedProgram(arena, image, loaded, output, task);
  const program: TypedProgram = {
    ...{ name: "live", section, prepare, run: () => assert.fail() },
    attach: (source) => source.attach(() => assert.fail(), program),
  };
  const printed: string[] = [];
  return { program, printed, options: { print: (line) => printed.push(line) }, arena };
}

test("fentry sees arguments before a call, and the function is as it was when the last program goes", async () => {
  const owner = { sum: (a: number, b: number): number => a + b };
  const { sum } = owner;
  const { program, printed, options } = await make("fentry/sum", argument(8));
  const link = program.attach(method(owner, "sum", options));
  const again = program.attach(method(owner, "sum", options));
  assert.equal(owner.sum(1, -2), -1);
  assert.deepEqual(printed, ["-2", "-2"]);
  assert.deepEqual([owner.sum.name, owner.sum.length], ["sum", 2]);
  link.isOn = false;
  owner.sum(1, 3);
  assert.deepEqual(printed.slice(2), ["3"]);
  again.close();
  link.isOn = true;
  owner.sum(1, 4);
  assert.deepEqual([printed.slice(3), link.runs, again.runs], [["4"], 2, 2]);
  link.close();
  link.close();
  assert.equal(owner.sum, sum);
});

test("an inherited function is hooked where it is asked for, and inherited again", async () => {
  class Base {
    get(key: number): number {
      return key * 2;
    }
  }
  const one = new Base();
  const { program, printed, options } = await make("fentry/get", argument(0));
  const link = program.attach(method(one, "get", options));
  assert.deepEqual([one.get(4), new Base().get(5), printed], [8, 10, ["4"]]);
  link[Symbol.dispose]();
  assert.equal(Object.hasOwn(one, "get"), false);
});

test("fexit sees results, of promises when they are settled, and -1 of what throws", async () => {
  const owner = {
    plain: (a: number): number => a + 1,
    later: async (a: number): Promise<number> => {
      await sleep(1);
      if (a === 0) throw new TypeError("no");
      return a * 2;
    },
    fails: (_: number): number => {
      throw new RangeError("no");
    },
  };
  const { program, printed, options } = await make("fexit/f", argument(8));
  using _plain = program.attach(method(owner, "plain", options));
  using _later = program.attach(method(owner, "later", options));
  using _fails = program.attach(method(owner, "fails", options));
  owner.plain(1);
  const promise = owner.later(5);
  assert.deepEqual(printed, ["2"]);
  assert.equal(await promise, 10);
  await assert.rejects(owner.later(0), TypeError);
  assert.throws(() => owner.fails(1), RangeError);
  assert.deepEqual(printed, ["2", "10", "-1", "-1"]);
});

test("constructors are called as such", async () => {
  class Thing {
    readonly size: number;
    constructor(size: number) {
      this.size = size;
    }
    static make(): Thing {
      return new Thing(1);
    }
  }
  const owner = { Thing };
  const { program, printed, options } = await make("fentry/Thing", argument(0));
  using _link = program.attach(method(owner, "Thing", options));
  const made = new owner.Thing(9);
  assert.ok(made instanceof Thing && made instanceof owner.Thing);
  assert.deepEqual([made.size, owner.Thing.make().size, printed], [9, 1, ["9"]]);
});

test("arguments: whole numbers, bigints, truth, texts, lengths", async () => {
  const owner = { f: (_: unknown): void => undefined };
  const { program, printed, options } = await make("fentry/f", argument(0));
  using _link = program.attach(method(owner, "f", options));
  for (const value of [1.9, -1.9, 2 ** 53 - 1, -(2 ** 40), 7n, true, new Uint8Array(5), [1, 2], null, Number.NaN, {}])
    owner.f(value);
  assert.deepEqual(printed, ["1", "-1", "9007199254740991", "-1099511627776", "7", "1", "5", "2", "0", "0", "0"]);
  const read =
    "r3 = *(u64 *)(r1 + 0)\n*(u64 *)(r10 - 16) = 0\nr1 = r10\nr1 += -16\nr2 = 8\ncall probe_read_kernel_str\nr7 = r0\n";
  const text = await make("fentry/f", `${read}${PRINT}`);
  using _text = text.program.attach(method(owner, "f", text.options));
  owner.f("four");
  owner.f("much too long");
  assert.deepEqual(text.printed, ["5", "8"]);
});

test("kprobes get arguments in registers, kretprobes the result, and take says what arguments are", async () => {
  const owner = { f: (a: { readonly size: number }): number => a.size + 1 };
  const take = (a: { readonly size: number }): number[] => [a.size * 10];
  const entry = await make("kprobe/f", argument(112));
  const back = await make("kretprobe/f", argument(80));
  using _one = entry.program.attach(method(owner, "f", { ...entry.options, take }));
  using _two = back.program.attach(method(owner, "f", back.options));
  owner.f({ size: 4 });
  assert.deepEqual([entry.printed, back.printed], [["40"], ["5"]]);
});

test("a hook in the middle of a program's run is not entered, and counted", async () => {
  const owner = { f: (_: number): void => undefined };
  const { program, arena } = await make("fentry/f", argument(0));
  const seen: string[] = [];
  const link = program.attach(
    method(owner, "f", {
      print: (line) => {
        seen.push(line);
        owner.f(2);
      },
    }),
  );
  owner.f(1);
  assert.deepEqual([seen, link.runs, link.missed, link.errors], [["1"], 1, 1, 0]);
  arena.detach();
  owner.f(3);
  assert.deepEqual([seen, link.runs], [["1"], 1]);
  link.close();
});

test("what stops a program is counted, and the call goes on", async () => {
  const owner = { f: (): number => 5 };
  const { program } = await make("fentry/f", "r2 = 0\nl:\nr2 += 1\nif r2 != 0 goto l\nr0 = 0\nexit").catch(() =>
    make("fentry/f", "call get_numa_node_id\nr0 = 0\nexit"),
  );
  const link = program.attach(method(owner, "f"));
  assert.deepEqual([owner.f(), owner.f(), link.errors, link.runs], [5, 5, 2, 0]);
  assert.match(link.firstError ?? "", /NUMA node/);
  link.close();
});

test("channels of diagnostics_channel: a message's values are the arguments", async () => {
  const on = diagnosticsChannel("anyctx.test");
  const { program, printed, options } = await make("raw_tp/request", argument(8));
  const link = program.attach(channel(on, options));
  on.publish({ id: 1, bytes: 512 });
  link.isOn = false;
  on.publish({ id: 2, bytes: 1 });
  link.isOn = true;
  on.publish({ id: 3, bytes: 2 });
  link.close();
  assert.equal(on.hasSubscribers, false);
  assert.deepEqual([printed, link.runs], [["512", "2"], 2]);
});

test("a clock's samples have the time since the last one as their period", async () => {
  const { program, printed, options } = await make("perf_event", argument(168));
  const link = program.attach(clock(5, options));
  await sleep(60);
  link.close();
  const { runs } = link;
  assert.ok(runs >= 2, `${runs} samples`);
  assert.ok(
    printed.every((period) => Number(period) > 1e6),
    printed.join(" "),
  );
  await sleep(20);
  assert.equal(link.runs, runs);
});

test("messages of a port, with numbers and texts as they are", async () => {
  const { port1, port2 } = new MessageChannel();
  const { program, printed, options } = await make("fentry/message", argument(0));
  const link = program.attach(messages(port1, options));
  port2.postMessage(77);
  port2.postMessage(new Uint8Array(3));
  for (let turn = 0; turn < 100 && printed.length < 2; turn++) await sleep(2);
  link.close();
  port1.close();
  assert.deepEqual(printed, ["77", "3"]);
});

test("a program of a type that a source does not run is refused, and so is what is no function", async () => {
  const { program } = await make("perf_event", "r0 = 0\nexit");
  const isRefused = (error: unknown): boolean => error instanceof AnyctxError && error.code === "EINVAL";
  assert.throws(() => program.attach(method({ f: (): void => undefined }, "f")), isRefused);
  const other = await make("fentry/f", "r0 = 0\nexit");
  assert.throws(() => other.program.attach(method({ f: 1 }, "f")), isRefused);
  assert.throws(() => other.program.attach(method(Object.freeze({ f: (): void => undefined }), "f")), isRefused);
  assert.throws(() => other.program.attach(clock(5)), isRefused);
  assert.throws(() => clock(0), isRefused);
});

test("every source says what it is and what it runs", () => {
  assert.equal(new Set(LIVE_SOURCES.map(({ name }) => name)).size, LIVE_SOURCES.length);
  for (const { doc, programs } of LIVE_SOURCES) assert.ok(doc.endsWith(".") && programs.length > 0);
});
