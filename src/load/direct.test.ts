/** Direct runs: contexts of every type from what is given, memory of the kernel's, and what comes of it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Arena } from "../arena/arena.ts";
import { assemble } from "../bpf/isa/assemble.ts";
import { type ObjectSpec, type ProgramSpec, specOfInstructions } from "../bpf/object/spec.ts";
import { programKind } from "../bpf/programs/table.ts";
import { type DirectRun, DirectRuns } from "./direct.ts";
import { loadSpec } from "./load.ts";

/** An object of programs by name: section and text. */
function objectOf(programs: Readonly<Record<string, readonly [section: string, text: string]>>): ObjectSpec {
  const specs = Object.entries(programs).map(([name, [section, text]]): ProgramSpec => {
    const [program] = specOfInstructions(name, assemble(text)).programs;
    assert.ok(program !== undefined);
    return { ...program, section, kind: programKind(section) };
  });
  return { ...specOfInstructions("object", []), name: "object", programs: specs, functions: specs };
}

async function runsOf(programs: Parameters<typeof objectOf>[0]): Promise<DirectRuns> {
  const arena = await Arena.create({ cpus: 2, maximumBytes: 32 << 20, seed: 1 });
  arena.takeCpu(1);
  arena.switchCpu(0);
  return new DirectRuns(arena, loadSpec(arena, objectOf(programs), { engine: "interpreter" }));
}

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "hex"));

/** What a run's r0 is, and that nothing stopped it. */
function resultOf(runs: DirectRuns, run: DirectRun): bigint | undefined {
  const { result, error } = runs.run(run);
  assert.equal(error, undefined);
  return result;
}

test("arguments are where each type has them", async () => {
  const runs = await runsOf({
    probe: ["kprobe/f", "r0 = *(u64 *)(r1 + 104)\nexit"],
    returns: ["kretprobe/f", "r0 = *(u64 *)(r1 + 80)\nexit"],
    entry: ["fentry/f", "r0 = *(u64 *)(r1 + 8)\nexit"],
    exits: ["fexit/f", "r0 = *(u64 *)(r1 + 16)\nexit"],
    raw: ["raw_tp/f", "r0 = *(u64 *)(r1 + 8)\nexit"],
    recorded: ["tracepoint/a/b", "r0 = *(u32 *)(r1 + 4)\nexit"],
    sample: ["perf_event", "r0 = *(u64 *)(r1 + 128)\nexit"],
    called: ["syscall", "r0 = *(u8 *)(r1 + 1)\nexit"],
  });
  const args = [5n, -7n];
  assert.equal(resultOf(runs, { program: "probe", args }), -7n);
  assert.equal(resultOf(runs, { program: "returns", returned: 9n }), 9n);
  assert.equal(resultOf(runs, { program: "entry", args }), -7n);
  assert.equal(resultOf(runs, { program: "exits", args, returned: 11n }), 11n);
  assert.equal(resultOf(runs, { program: "raw", args }), -7n);
  assert.equal(resultOf(runs, { program: "recorded", context: hex("0000000001020304") }), 0x04030201n);
  assert.equal(resultOf(runs, { program: "sample", registers: hex(`${"00".repeat(128)}2a`) }), 42n);
  assert.equal(resultOf(runs, { program: "called", context: hex("0011") }), 0x11n);
  assert.throws(() => runs.run({ program: "probe", packet: hex("00") }), { code: "EINVAL", message: /not packet$/ });
  assert.throws(() => runs.run({ program: "none" }), {
    code: "EINVAL",
    message: /there is no program none, only probe/,
  });
});

/** Reads the packet's first byte behind its bounds check, and changes it: r0 is what it was, or 0. */
const packetProgram = (data: number, end: number): string => `
  r2 = *(u32 *)(r1 + ${data})
  r3 = *(u32 *)(r1 + ${end})
  r4 = r2
  r4 += 2
  r0 = 0
  if r4 > r3 goto out
  r0 = *(u8 *)(r2 + 1)
  *(u8 *)(r2 + 1) = 255
out:
  exit`;

test("packets: read and changed within their bounds, whose struct follows them", async () => {
  const runs = await runsOf({
    xdp: ["xdp", packetProgram(0, 4)],
    tc: ["tc", packetProgram(76, 80)],
    length: ["tc/ingress", "r0 = *(u32 *)(r1 + 0)\nexit"],
    beyond: ["xdp", "r2 = *(u32 *)(r1 + 4)\nr0 = *(u8 *)(r2 + 0)\nexit"],
  });
  for (const program of ["xdp", "tc"]) {
    const { result, packet } = runs.run({ program, packet: hex("0a0b0c") });
    assert.equal(result, 0x0bn);
    assert.deepEqual(packet, hex("0aff0c"));
    assert.equal(resultOf(runs, { program, packet: hex("0a") }), 0n);
  }
  assert.equal(resultOf(runs, { program: "length", packet: hex("0a0b0c") }), 3n);
  const { error, result } = runs.run({ program: "beyond", packet: hex("0a0b0c") });
  assert.match(error ?? "", /which this run may not read/);
  assert.equal(result, undefined);
});

test("the kernel's memory: typed programs follow pointers, others ask for it; what is not given is 0, or -EFAULT", async () => {
  const probe = `
    r1 = *(u64 *)(r1 + 112)
    r3 = r1
    r1 = r10
    r1 += -8
    r2 = 8
    call probe_read_kernel
    if r0 != 0 goto out
    r0 = *(u64 *)(r10 - 8)
  out:
    exit`;
  const runs = await runsOf({
    follows: ["fentry/f", "r1 = *(u64 *)(r1 + 0)\nr1 = *(u64 *)(r1 + 8)\nr0 = *(u32 *)(r1 + 4)\nexit"],
    asks: ["kprobe/f", probe],
    casts: ["kprobe/f", "r1 = *(u64 *)(r1 + 112)\nr2 = 7\ncall bpf_rdonly_cast\nr0 = *(u32 *)(r0 + 4)\nexit"],
    owns: ["xdp", "call bpf_cast_to_kern_ctx\nr0 = *(u64 *)(r0 + 8)\nr0 = *(u32 *)(r0 + 4)\nexit"],
    stores: ["fentry/f", "r1 = *(u64 *)(r1 + 0)\n*(u64 *)(r1 + 0) = 1\nexit"],
  });
  const first = 0xffff888000001000n;
  const second = 0xffff888000002000n;
  const pointer = new Uint8Array(16);
  new DataView(pointer.buffer).setBigUint64(8, second, true);
  const memory = new Map([
    [first, pointer],
    [second, hex("0000000039300000")],
  ]);
  assert.equal(resultOf(runs, { program: "follows", args: [first], memory }), 12345n);
  assert.equal(resultOf(runs, { program: "follows", args: [0n], memory }), 0n);
  assert.equal(resultOf(runs, { program: "asks", args: [second], memory }), 0x303900000000n);
  assert.equal(resultOf(runs, { program: "asks", args: [second] }), -14n, "the next run has other memory");
  assert.equal(resultOf(runs, { program: "casts", args: [second], memory }), 12345n);
  assert.equal(resultOf(runs, { program: "casts", args: [5n], memory }), 0n);
  const helpers = new Map([["bpf_cast_to_kern_ctx", first]]);
  assert.equal(resultOf(runs, { program: "owns", packet: hex("00"), memory, helpers }), 12345n);
  assert.match(runs.run({ program: "owns", packet: hex("00") }).error ?? "", /the kernel's own struct of the context/);
  assert.match(runs.run({ program: "stores", args: [first], memory }).error ?? "", /which this run may not write/);
});

test("whose run it is, where and when", async () => {
  const runs = await runsOf({
    task: ["kprobe/f", "call get_current_pid_tgid\nexit"],
    where: ["kprobe/f", "call get_smp_processor_id\nexit"],
    when: ["kprobe/f", "call ktime_get_ns\nexit"],
  });
  assert.equal(resultOf(runs, { program: "task", task: { pid: 7, tgid: 3 } }), (3n << 32n) | 7n);
  assert.equal(resultOf(runs, { program: "where", cpu: 1, level: "nmi" }), 1n);
  assert.equal(resultOf(runs, { program: "when", time: 1000n }), 1000n);
  runs.advance(500n);
  assert.equal(resultOf(runs, { program: "when" }), 1500n);
  assert.throws(() => runs.run({ program: "where", cpu: 2 }), { code: "EINVAL", message: /2 CPUs, not 3/ });
  for (const [given, says] of [
    [{ cpu: -1 }, /cpu should be a number from 0 to 1, not -1/],
    [{ time: -1n }, /time should be/],
    [{ time: 1n << 64n }, /time should be/],
    [{ task: { pid: -1 } }, /pid of a task should be/],
    [{ task: { uid: 2 ** 32 } }, /uid of a task should be/],
    [{ task: { comm: "0123456789abcdef" } }, /at most 15 bytes, not 16/],
  ] as const)
    assert.throws(() => runs.run({ program: "where", ...given }), { code: "EINVAL", message: says });
  assert.throws(() => runs.advance(-1n), { code: "EINVAL", message: /advance should be/ });
});
