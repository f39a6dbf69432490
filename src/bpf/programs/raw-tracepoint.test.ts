import assert from "node:assert/strict";
import { test } from "node:test";
import { AnyctxError } from "../../error.ts";
import type { EventFormat } from "../../events/event.ts";
import { readText } from "../../events/ftrace/testing.ts";
import { RECORD } from "../../events/record.ts";
import { parseFormat } from "../../events/tracepoints/format.ts";
import { KERNEL_FORMATS } from "../../events/tracepoints/kernel-formats.ts";
import { objectAddress, taskAddress } from "../kernel/addresses.ts";
import type { EventContext } from "./program-type.ts";
import { RAW_ARGUMENTS, RAW_TRACEPOINT } from "./raw-tracepoint.ts";
import { testProgramType } from "./testing.ts";

const head = "            bash-1033    [001] d.s2.     5.000001: ";

function contextsOf(format: EventFormat): EventContext {
  return RAW_TRACEPOINT.context.of({ name: format.name, category: format.category, format });
}

async function rawArguments(line: string): Promise<bigint[]> {
  const { trace, records } = await readText(`${head}${line}\n`);
  const [record] = records;
  const format = trace.events.find((event) => event.name === record?.event)?.format;
  assert.ok(record !== undefined && format !== undefined, line);
  const context = contextsOf(format);
  const { buffer, byteOffset } = record.payload;
  const source = new DataView(buffer);
  const at = byteOffset - RECORD.payload;
  const bytes = context.bytes(source, at);
  const target = new DataView(new ArrayBuffer(bytes + 8));
  context.write?.(source, at, target, 8);
  return Array.from({ length: bytes / 8 }, (_, index) => target.getBigUint64(8 + index * 8, true));
}

testProgramType(RAW_TRACEPOINT, {
  sections: {
    "raw_tracepoint/kfree": { event: "kfree" },
    "?raw_tp/kfree": { event: "kfree" },
    "raw_tp.w/kfree": { event: "kfree" },
    "raw_tracepoint.w/kfree": { event: "kfree" },
    raw_tp: { event: "" },
  },
  events: [
    ...KERNEL_FORMATS.map((format) => ({ name: format.name, category: format.category, format })),
    { name: "packet", category: "eth0" },
  ],
  runsOn: { "raw_tp/kfree": ["kmem:kfree"], "raw_tp/sched_switch": ["sched:sched_switch"], "raw_tp/up": [] },
});

test("the fields of a raw tracepoint's context are its arguments", () => {
  const format = KERNEL_FORMATS.find(({ name }) => name === "sched_switch") ?? assert.fail();
  assert.deepEqual(contextsOf(format).fields, [
    { name: "prev_state & 0x100", offset: 0, size: 8, recordedIn: "prev_state" },
    { name: "struct task_struct *", offset: 8, size: 8 },
    { name: "struct task_struct *", offset: 16, size: 8 },
    { name: "prev_state", offset: 24, size: 8 },
  ]);
});

test("every row is an event", () => {
  const known = new Set(KERNEL_FORMATS.map((format) => format.name));
  assert.deepEqual(
    Object.keys(RAW_ARGUMENTS).filter((name) => !known.has(name)),
    [],
  );
  for (const format of KERNEL_FORMATS.filter(({ name }) => RAW_ARGUMENTS[name] !== undefined))
    assert.equal(
      contextsOf(format).bytes(new DataView(new ArrayBuffer(0)), 0),
      (RAW_ARGUMENTS[format.name]?.length ?? 0) * 8,
    );
});

/** Where the line's CPU has what its system calls were given. */
const REGISTERS = objectAddress("pt_regs", "1");

test("arguments are the kernel's: 32-bit ones zero-extended, objects by where they lie", async () => {
  assert.deepEqual(await rawArguments("sys_exit: NR 257 = -2"), [REGISTERS, 2n ** 64n - 2n]);
  assert.deepEqual(await rawArguments("sys_enter: NR 257 (1, 2, 3, 4, 5, 6)"), [REGISTERS, 257n]);
  const change = "prev_comm=a prev_pid=1 prev_prio=120 prev_state=R+ ==> next_comm=b next_pid=2 next_prio=120";
  assert.deepEqual(await rawArguments(`sched_switch: ${change}`), [1n, taskAddress(1, 1), taskAddress(2, 1), 0n]);
  assert.deepEqual(await rawArguments(`sched_switch: ${change.replace("R+", "D")}`), [
    0n,
    taskAddress(1, 1),
    taskAddress(2, 1),
    2n,
  ]);
  const allocation =
    "call_site=0xffffffff81000000 ptr=00000000deadbeef bytes_req=5 bytes_alloc=8 gfp_flags=GFP_ATOMIC node=-1";
  assert.deepEqual(await rawArguments(`kmalloc: ${allocation} accounted=false`), [
    ...[0xffffffff81000000n, 0xdeadbeefn, 5n, 8n, 0x820n, 0xffffffffn],
  ]);
});

test("an event without a row is refused in one sentence", () => {
  const text = 'name: other\nID: 1\nfield:int a; offset:8; size:4; signed:1;\nprint fmt: "a=%d", REC->a\n';
  const other = parseFormat(text, { category: "test" });
  const refused = (error: unknown): boolean =>
    error instanceof AnyctxError &&
    error.code === "UNSUPPORTED" &&
    /raw tracepoint other: .*kmalloc/.test(error.message);
  assert.throws(() => contextsOf(other), refused);
  assert.throws(() => contextsOf({ ...other, name: "kfree" }), /its format has no number "call_site"/);
});
