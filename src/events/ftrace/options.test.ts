/** Lines as the kernel prints them with options of the tracer's (`trace_options`); recorded on Linux 6.18. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { KERNEL_FORMATS } from "../tracepoints/kernel-formats.ts";
import { numberField, readLines, reasons, textField, unreadOf } from "./testing.ts";

const HEAD = "            bash-936     [001] ..... 62483.329189: ";
const read = (...lines: readonly string[]): ReturnType<typeof readLines> =>
  readLines(lines, { formats: KERNEL_FORMATS }, HEAD);

test("fields: each by its name, numbers twice", async () => {
  const { trace, records } = await read(
    "sys_enter_openat: __syscall_nr=0x101 (257) dfd=0xffffff9c (4294967196) filename=(0xffff8881a232501c) flags=0x241 (577) mode=0x1b6 (438)",
    "sched_switch: prev_comm=a b prev_pid=0x3d4 (980) prev_prio=0x78 (120) prev_state=0x100 (256) next_comm=migration/1 next_pid=0x15 (21) next_prio=0x0 (0)",
    "kmalloc: call_site=tracing_mark_open+0xe4/0x230 (-2125829308) ptr=0xffff8881044debc0 (-131387272336448) bytes_req=0x10 (16) bytes_alloc=0x10 (16) gfp_flags=0xcc0 (3264) node=0xffffffff (-1)",
  );
  const [opened, switched, allocated] = records;
  assert.ok(opened && switched && allocated);
  const number = (name: string): bigint => numberField(trace, opened, name);
  assert.deepEqual(["dfd", "flags", "mode"].map(number), [0xffffff9cn, 577n, 438n]);
  assert.deepEqual(unreadOf(trace, opened), ["filename"]);
  assert.deepEqual([textField(trace, switched, "prev_comm"), unreadOf(trace, switched)], ["a b", []]);
  assert.deepEqual(
    ["prev_pid", "prev_state", "next_pid"].map((name) => numberField(trace, switched, name)),
    [980n, 256n, 21n],
  );
  const site = trace.symbols.nameOf(BigInt.asUintN(64, numberField(trace, allocated, "call_site")));
  assert.deepEqual([site, unreadOf(trace, allocated)], ["tracing_mark_open+0xe4", []]);
  assert.equal(numberField(trace, allocated, "node"), -1n);
});

test("verbose: the arguments of calls have types in front of them", async () => {
  const { trace, records } = await read(
    "sys_openat(int dfd: 0xffffff9c, const char * filename: 0x55fca07cff10, int flags: 0x241, umode_t mode: 0x1b6)",
    "sys_dup2(unsigned int oldfd: 0xb, unsigned int newfd: 1)",
    "sys_dup2(oldfd: 0xb, newfd: 1)",
  );
  const [opened, typed, plain] = records;
  assert.ok(opened && typed && plain);
  assert.equal(numberField(trace, opened, "filename"), 0x55fca07cff10n);
  assert.equal(numberField(trace, opened, "mode"), 0x1b6n);
  for (const record of [typed, plain]) assert.equal(numberField(trace, record, "newfd"), 1n);
  assert.deepEqual(
    records.map((record) => unreadOf(trace, record)),
    [[], [], []],
  );
});

test("sym-offset and sym-addr: where a marker was written, and where a function is", async () => {
  const { trace, records } = await read(
    "tracing_mark_write+0x91/0x170: hello",
    "tracing_mark_write <ffffffff814aa001>: hello",
    "tracing_mark_write+0x91/0x170 <ffffffff814aa001>: hello",
    "vfs_read+0x0/0x1b0 <ffffffff814aa001> <-ksys_read+0x5c/0x110 <ffffffff814aa00f>",
  );
  assert.deepEqual(reasons(trace), {});
  assert.deepEqual(
    records.map(({ event, payload }) => [
      event,
      Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).includes("hello"),
    ]),
    [...new Array(3).fill(["print", true]), ["vfs_read", false]],
  );
  for (const record of records.slice(0, 3)) assert.deepEqual(unreadOf(trace, record), []);
});
