/** Programs that follow pointers on recorded events: what was told is there, and what was not is named. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Arena } from "../arena/arena.ts";
import { assemble } from "../bpf/isa/assemble.ts";
import type { Btf, BtfMember, BtfType } from "../bpf/object/btf.ts";
import { type ObjectSpec, specOfInstructions } from "../bpf/object/spec.ts";
import { programKind } from "../bpf/programs/table.ts";
import { openEventStream } from "../events/open.ts";
import { loadSeveral } from "../load/several.ts";
import { DEFAULT_RULE } from "./interrupts.ts";
import { replay } from "./ordered.ts";

const member = (name: string, type: number, offset: number, bitSize = 0): BtfMember => ({
  ...{ name, type, bitOffset: offset * 8, bitSize },
});

const TYPES: readonly BtfType[] = [
  { name: "void", kind: "void" },
  { name: "u32", kind: "int", size: 4, encoding: "unsigned" },
  { name: "u64", kind: "int", size: 8, encoding: "unsigned" },
  { name: "char", kind: "int", size: 1, encoding: "char" },
  { name: "", kind: "array", element: 3, count: 16 },
  { name: "", kind: "pointer", type: 3 },
  {
    name: "task_struct",
    kind: "struct",
    size: 64,
    members: [
      ...[member("__state", 1, 0), member("pid", 1, 4), member("tgid", 1, 8), member("comm", 4, 16)],
      ...[member("start_time", 2, 32), member("flags", 1, 40), member("real_parent", 7, 48)],
    ],
  },
  { name: "", kind: "pointer", type: 6 },
  { name: "gendisk", kind: "struct", size: 8, members: [member("major", 1, 0), member("first_minor", 1, 4)] },
  { name: "", kind: "pointer", type: 8 },
  { name: "request_queue", kind: "struct", size: 8, members: [member("disk", 9, 0)] },
  { name: "", kind: "pointer", type: 10 },
  {
    name: "request",
    kind: "struct",
    size: 24,
    members: [member("q", 11, 0), member("cmd_flags", 1, 8), member("__data_len", 1, 12)],
  },
  { name: "qstr", kind: "struct", size: 16, members: [member("len", 1, 0), member("name", 5, 8)] },
  { name: "file", kind: "struct", size: 32, members: [member("f_mode", 1, 0), member("d_name", 13, 8)] },
  { name: "irqaction", kind: "struct", size: 8, members: [member("name", 5, 0)] },
];
const BTF: Btf = { what: "test", types: TYPES };

interface Ran {
  readonly printed: readonly string[];
  readonly errors: number;
  readonly unread: Readonly<Record<string, number>>;
}

const programOf = (section: string, program: string): ObjectSpec => {
  const spec = specOfInstructions("p", assemble(program));
  return { ...spec, programs: spec.programs.map((each) => ({ ...each, kind: programKind(section) })) };
};

/**
 * Lines are text of a trace from the flags on, with the CPU's idle task in front unless they say another. The program runs beside one of
 * another object, which knows no kernel.
 */
async function run(section: string, program: string, ...lines: readonly string[]): Promise<Ran> {
  const arena = await Arena.create({ cpus: 2 });
  const loaded = loadSeveral(arena, [
    { object: programOf("raw_tp/none", "r0 = 0\nexit"), options: { label: "beside" } },
    { object: { ...programOf(section, program), btf: BTF, kernel: BTF }, options: { label: "it" } },
  ]);
  const text = lines.map((line) => `            bash-7       (      5) [001] ..... 1.000001: ${line}\n`).join("");
  const stream = await openEventStream(
    (async function* () {
      yield new TextEncoder().encode(text);
    })(),
  );
  const printed: string[] = [];
  const nothing = (): void => undefined;
  const { counts } = await replay(arena, loaded.programs, stream, DEFAULT_RULE, (line) => printed.push(line), nothing);
  arena.detach();
  const row = counts.programs.at(-1);
  return { printed, errors: row?.errors ?? -1, unread: row?.unreadFields ?? {} };
}

/** Prints r7 in hex. */
const PRINT = `
  *(u32 *)(r10 - 4) = 0x786c6c
  *(u32 *)(r10 - 8) = 0x25
  r1 = 0x786c6c25
  *(u64 *)(r10 - 8) = r1
  r1 = r10
  r1 += -8
  r2 = 5
  r3 = r7
  call trace_printk
  r0 = 0
  exit`;

/** r7 = so many bytes where r3 leads to. */
const READ = (bytes: number): string => `
  *(u64 *)(r10 - 16) = 0
  r1 = r10
  r1 += -16
  r2 = ${bytes}
  call probe_read_kernel
  r7 = *(u64 *)(r10 - 16)`;

const SWITCH =
  "sched_switch: prev_comm=a prev_pid=1 prev_prio=120 prev_state=D ==> next_comm=sh next_pid=9 next_prio=120";

test("a task is read directly by a typed program and by a helper by a raw one", async () => {
  const typed = await run("tp_btf/sched_switch", `r1 = *(u64 *)(r1 + 16)\nr7 = *(u32 *)(r1 + 4)${PRINT}`, SWITCH);
  assert.deepEqual([typed.printed, typed.errors], [["9"], 0]);
  const raw = await run("raw_tp/sched_switch", `r3 = *(u64 *)(r1 + 8)${READ(4)}${PRINT}`, SWITCH);
  assert.deepEqual([raw.printed, raw.errors], [["2"], 0]);
});

test("what nobody told is 0 and named once by type and member", async () => {
  const found = await run(
    "tp_btf/sched_switch",
    `r1 = *(u64 *)(r1 + 16)\nr7 = *(u32 *)(r1 + 40)${PRINT}`,
    SWITCH,
    SWITCH,
  );
  assert.deepEqual([found.printed, found.errors], [["0", "0"], 2]);
  assert.deepEqual(found.unread, { "sched_switch.task_struct.flags": 2 });
});

test("pointers on the way are followed, and bit by bit a request is what its line says", async () => {
  const line = "block_rq_issue: 253,16 WS 4096 () 2048 + 8 none,0,0 [dd]";
  const at = (ways: string): string => `r1 = *(u64 *)(r1 + 0)\n${ways}${PRINT}`;
  const queue = "r1 = *(u64 *)(r1 + 0)\nr1 = *(u64 *)(r1 + 0)\n";
  const major = await run("tp_btf/block_rq_issue", at(`${queue}r7 = *(u32 *)(r1 + 0)`), line);
  const minor = await run("tp_btf/block_rq_issue", at(`${queue}r7 = *(u32 *)(r1 + 4)`), line);
  const flags = await run("tp_btf/block_rq_issue", at("r7 = *(u32 *)(r1 + 8)"), line);
  const bytes = await run("tp_btf/block_rq_issue", at("r7 = *(u32 *)(r1 + 12)"), line);
  assert.deepEqual(
    [major, minor, flags, bytes].flatMap(({ printed }) => printed),
    ["fd", "10", "801", "1000"],
  );
  assert.equal(major.errors + minor.errors + flags.errors + bytes.errors, 0);
});

test("what stays as it is is known from earlier events: an interrupt's name when its handler ends", async () => {
  const program = `r3 = *(u64 *)(r1 + 8)${READ(8)}\nr3 = r7${READ(4)}${PRINT}`;
  const lines = ["irq_handler_entry: irq=4 name=ttyS0", "irq_handler_exit: irq=4 ret=handled"];
  const found = await run("raw_tp/irq_handler_exit", program, ...lines);
  assert.deepEqual([found.printed, found.errors], [["53797474"], 0]);
  const unknown = await run("raw_tp/irq_handler_exit", program, lines[1] as string);
  assert.deepEqual(unknown.unread, { "irq_handler_exit.irqaction.name": 1 });
});

test("the current task is its event's: number, process and name", async () => {
  const field = (offset: number): string => `call get_current_task\nr3 = r0\nr3 += ${offset}${READ(4)}${PRINT}`;
  const printed = async (offset: number): Promise<string | undefined> =>
    (await run("raw_tp/sched_switch", field(offset), SWITCH)).printed[0];
  assert.deepEqual([await printed(4), await printed(8), await printed(16)], ["7", "5", "68736162"]);
});

test("arguments of functions: in registers by number or name, side by side, and again when they return", async () => {
  const entry = "p_f: (vfs_read+0x0/0x10) file=0xffff888100001000 count=48";
  const back = "r_f: (ksys_read+0x0/0x10 <- vfs_read) ret=17";
  const rdx = await run("kprobe/vfs_read", `r7 = *(u64 *)(r1 + 96)${PRINT}`, entry);
  const second = await run("fentry/vfs_read", `r7 = *(u64 *)(r1 + 16)${PRINT}`, entry);
  const rax = await run("kretprobe/vfs_read", `r7 = *(u64 *)(r1 + 80)${PRINT}`, back);
  const result = await run("fexit/vfs_read", `r7 = *(u64 *)(r1 + 32)${PRINT}`, entry, back);
  const given = await run("fexit/vfs_read", `r7 = *(u64 *)(r1 + 16)${PRINT}`, entry, back);
  assert.deepEqual(
    [rdx, second, rax, result, given].flatMap(({ printed }) => printed),
    ["30", "30", "11", "11", "30"],
  );
  assert.equal(
    [rdx, second, rax, result, given].reduce((sum, { errors }) => sum + errors, 0),
    0,
  );
  const lost = await run("fexit/vfs_read", `r7 = *(u64 *)(r1 + 16)${PRINT}`, back);
  assert.deepEqual(lost.unread, { "r_f.count": 1 });
});

test("members of what an argument leads to, then and where its address comes again", async () => {
  const entry = 'p_f: (vfs_read+0x0/0x10) file=0xffff888100001000 file__f_mode=0x1 file__d_name__name="data"';
  const name = `r3 = *(u64 *)(r1 + 112)\nr3 += 16${READ(8)}\nr3 = r7${READ(4)}${PRINT}`;
  const found = await run("kprobe/vfs_read", name, entry, "p_f: (vfs_read+0x0/0x10) file=0xffff888100001000");
  assert.deepEqual([found.printed, found.errors], [["61746164", "61746164"], 0]);
  const length = await run("kprobe/vfs_read", `r3 = *(u64 *)(r1 + 112)\nr3 += 8${READ(4)}${PRINT}`, entry);
  assert.deepEqual(length.unread, { "p_f.file.d_name.len": 1 });
});

test("an argument that could not be fetched is named by the field that it was recorded in", async () => {
  const line = "p_f: (vfs_read+0x0/0x10) arg3=(fault)";
  const typed = await run("fentry/vfs_read", `r7 = *(u64 *)(r1 + 16)${PRINT}`, "p_f: (vfs_read+0x0/0x10) arg3=1", line);
  assert.deepEqual([typed.printed, typed.unread], [["1", "0"], { "p_f.arg3": 1 }]);
  const register = await run("kprobe/vfs_read", `r7 = *(u64 *)(r1 + 96)${PRINT}`, line);
  assert.deepEqual([register.errors, Object.keys(register.unread)], [1, ["p_f.arg3"]]);
});
