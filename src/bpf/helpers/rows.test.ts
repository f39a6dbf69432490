/** Every helper by both engines: what its row says, with arguments of its kinds. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { AnyctxError, ERRNO } from "../../error.ts";
import { RECORD } from "../../events/record.ts";
import type { ProgramHost } from "../host.ts";
import { assemble } from "../isa/assemble.ts";
import { linkProgram } from "../link.ts";
import { specOfInstructions } from "../object/spec.ts";
import { packetContext } from "../programs/packet.ts";
import { programKind, programType } from "../programs/table.ts";
import { CONTEXT, CPU, ENGINES, type FakeHost, fakeHost, STACK_TOP, TASK } from "../testing.ts";
import { CALLS, sectionFor } from "./calls.test.ts";
import type { Helper } from "./helper.ts";
import { CALLBACK } from "./parameters/callback.ts";
import { HELPERS } from "./table.ts";

type Engine = (typeof ENGINES)[number];

const unsigned = (value: number): bigint => BigInt.asUintN(64, BigInt(value));
const EINVAL = unsigned(-22);

/** An Ethernet header, and an IPv4 header with a good checksum (RFC 1071) behind it. */
const PACKET = Buffer.from(
  "ffffffffffff0200000000010800" + "4500003c1c4640004006b1e6ac100a63ac100a0c" + "0011223344556677",
  "hex",
);

/** What no event says. */
const UNKNOWN: readonly string[] = [
  "jiffies64",
  "ktime_get_tai_ns",
  "get_numa_node_id",
  "get_current_cgroup_id",
  "send_signal",
  "send_signal_thread",
  "get_current_ancestor_cgroup_id",
  "perf_event_read",
  "perf_event_read_value",
  "perf_prog_read_value",
  "override_return",
  "get_func_ip",
  "get_attach_cookie",
  "get_branch_snapshot",
  "get_func_arg",
  "get_func_ret",
  "get_func_arg_cnt",
  "clone_redirect",
  "get_cgroup_classid",
  "get_route_realm",
  "fib_lookup",
  "skb_cgroup_id",
  "skb_ancestor_cgroup_id",
  "check_mtu",
  "get_socket_cookie",
  "get_socket_uid",
  "get_netns_cookie",
  "skb_get_tunnel_key",
  "skb_set_tunnel_key",
  "skb_get_tunnel_opt",
  "skb_set_tunnel_opt",
  "probe_write_user",
  "setsockopt",
  "getsockopt",
  "bind",
  "skb_get_xfrm_state",
  "lwt_push_encap",
  "tcp_check_syncookie",
  "sysctl_get_name",
  "sysctl_get_current_value",
  "sysctl_get_new_value",
  "sysctl_set_new_value",
  "tcp_gen_syncookie",
  "tcp_send_ack",
  "sk_assign",
  "sk_cgroup_id",
  "sk_ancestor_cgroup_id",
  "load_hdr_opt",
  "store_hdr_opt",
  "reserve_hdr_opt",
  "d_path",
  "snprintf_btf",
  "seq_printf_btf",
  "skb_cgroup_classid",
  "bprm_opts_set",
  "ima_inode_hash",
  "sys_bpf",
  "btf_find_by_name_kind",
  "sys_close",
  "task_pt_regs",
  "kallsyms_lookup_name",
  "find_vma",
  "get_retval",
  "set_retval",
  "copy_from_user_task",
  "skb_set_tstamp",
  "ima_file_hash",
  "bpf_cast_to_kern_ctx",
  "bpf_cgroup_ancestor",
  "bpf_task_under_cgroup",
  "bpf_task_from_pid",
  "bpf_task_from_vpid",
  "bpf_cgroup_from_id",
];

/** What is answered the same to everybody. */
const ANSWERED: readonly string[] = [
  "read_branch_records",
  "csum_update",
  "sk_lookup_tcp",
  "sk_lookup_udp",
  "sk_fullsock",
  "tcp_sock",
  "get_listener_sock",
  "skc_lookup_tcp",
  "skc_to_tcp6_sock",
  "skc_to_tcp_sock",
  "skc_to_tcp_timewait_sock",
  "skc_to_tcp_request_sock",
  "skc_to_udp6_sock",
  "skc_to_unix_sock",
  "skc_to_mptcp_sock",
];

/** What no program gets to. */
const NEVER: readonly string[] = ["sk_release", "bpf_trap", "bpf_frame_pointer_written"];

/** An argument that fits, by the name of the parameter's kind. */
const GOOD: Readonly<Record<string, string>> = {
  context: "{r} = r9",
  map: "{r} = {any}",
  size: "{r} = 8",
  positive_size: "{r} = 8",
  callback: "{r} = function(body) ll",
  ...Object.fromEntries(["scalar", "word", "flags", "source"].map((kind) => [kind, "{r} = 0"])),
};

/** Calls a helper with arguments that fit. */
function plainCall({ name, parameters }: Helper): string {
  const lines = parameters.map((parameter, index) =>
    (GOOD[parameter.name] ?? "{r} = r10\n{r} += -64").replaceAll("{r}", `r${index + 1}`),
  );
  const body = parameters.includes(CALLBACK) ? ["exit", "body:", "r0 = 0"] : [];
  return [...lines, `call ${name}`, ...body].join("\n");
}

/** Maps of the kinds that helpers are called on; `any` is one that no helper cares for. */
const MAPS = {
  hash: 1,
  any: 1,
  queue: 22,
  percpu: 6,
  perf: 4,
  cgroups: 8,
  stacks: 7,
  ringbuf: 27,
  commands: 31,
  owned: 29,
  array: 2,
  programs: 3,
} as const;
const SIZES: Readonly<Record<string, readonly [key: number, value: number]>> = {
  queue: [0, 8],
  perf: [4, 4],
  cgroups: [4, 4],
  programs: [4, 4],
  ringbuf: [0, 0],
  commands: [0, 0],
  owned: [8, 8],
};

function hostOf(): { host: FakeHost; addresses: ReadonlyMap<string, number> } {
  const host = fakeHost();
  const addresses = new Map<string, number>();
  for (const [name, bpfType] of Object.entries(MAPS)) {
    const [keySize, valueSize] = SIZES[name] ?? [4, 8];
    const { address, firstValue } = host.add({ name, bpfType, keySize, valueSize });
    addresses.set(name, address);
    if (name !== "array") continue;
    for (const index of [0, 1, 2]) host.view.setBigUint64(firstValue + index * 8, BigInt(10 * (index + 1)), true);
  }
  return { host, addresses };
}

/** Timers that are only noted. */
function timersOf(): NonNullable<ProgramHost["timers"]> {
  const known = new Map<number, { hasCallback: boolean; isStarted: boolean }>();
  return {
    init: (timer) => !known.has(timer) && known.set(timer, { hasCallback: false, isStarted: false }) !== undefined,
    setCallback: (timer) => {
      const found = known.get(timer);
      if (found !== undefined) found.hasCallback = true;
      return found !== undefined;
    },
    start: (timer) => {
      const found = known.get(timer);
      if (found?.hasCallback !== true) return false;
      found.isStarted = true;
      return true;
    },
    cancel: (timer) => known.get(timer)?.isStarted,
  };
}

interface Ran {
  readonly result: bigint;
  readonly lines: readonly string[];
}

function run(engine: Engine, text: string, section: string, answers?: ReadonlyMap<string, bigint>): Ran {
  const { host, addresses } = hostOf();
  const kind = programKind(section);
  assert.ok(!("reason" in kind));
  const struct = programType(kind).packet;
  let own = 64;
  if (struct !== undefined) {
    const context = packetContext(struct, { packet: PACKET });
    own = context.own;
    context.write(host.bytes.subarray(CONTEXT, CONTEXT + context.bytes), CONTEXT);
  }
  const placed = text.replace(/\{(\w+)\}/g, (_, name: string) => `map(${addresses.get(name)}) ll`);
  const spec = specOfInstructions("helpers", assemble(`r9 = r1\n${placed}\nexit`));
  const object = { ...spec, programs: spec.programs.map((program) => ({ ...program, kind })) };
  const complete: ProgramHost = {
    ...host,
    timers: timersOf(),
    objects: () => 1,
    copies: () => ({ allocator: 1, cpus: 4 }),
    tail: (_, index) => (index === 1 ? () => 77n : undefined),
    ...(answers === undefined ? {} : { answers }),
  };
  // Type 5 is one of 64 bytes: a number, and a node at byte 8.
  const types = new Map([[5, { name: "item", bytes: 64, fields: [], plain: true }]]);
  const program = { ...linkProgram(object, "helpers", host.bindings), types };
  return { result: engine.make(program, complete)(CONTEXT, CPU, STACK_TOP, own), lines: host.lines };
}

for (const engine of ENGINES) {
  test(`${engine.name}: every helper does what its row says`, () => {
    // Where the context is, the record's comm lies 40 bytes before it.
    assert.equal(CONTEXT - 40, TASK + RECORD.comm);
    for (const helper of HELPERS) {
      const { name, action } = helper;
      if (action.type === "unknown" || action.type === "answer") continue;
      const call = CALLS[name];
      if (call === undefined) {
        assert.ok(NEVER.includes(name), `no test calls ${name}`);
        assert.throws(
          () => run(engine, plainCall(helper), sectionFor(helper)),
          /it gives a socket back|is not there|is read-only/,
          name,
        );
        continue;
      }
      const { result, lines } = run(engine, call.text, call.section ?? sectionFor(helper));
      assert.equal(result, call.expected, name);
      assert.deepEqual(lines, call.prints ?? [], name);
    }
  });

  test(`${engine.name}: what no event says stops a run, or is answered`, () => {
    const unknown = HELPERS.filter(({ action }) => action.type === "unknown");
    assert.deepEqual(
      unknown.map(({ name }) => name),
      UNKNOWN,
    );
    for (const helper of unknown) {
      const { name, result } = helper;
      const isStopped = (error: unknown): boolean =>
        error instanceof AnyctxError &&
        error.code === "EFAULT" &&
        /asks for .*, which nobody says$/.test(error.message);
      assert.throws(() => run(engine, plainCall(helper), sectionFor(helper)), isStopped, name);
      const answered = run(engine, plainCall(helper), sectionFor(helper), new Map([[name, 5n]]));
      assert.equal(answered.result, 5n, `${name} (${result})`);
    }
  });

  test(`${engine.name}: some answer the same to everybody`, () => {
    const seen: string[] = [];
    for (const helper of HELPERS) {
      const { action, name, result } = helper;
      if (action.type !== "answer") continue;
      seen.push(name);
      const expected = result === "none" ? 0n : unsigned(action.value);
      assert.equal(run(engine, plainCall(helper), sectionFor(helper)).result, expected, name);
    }
    assert.deepEqual(seen, ANSWERED);
  });

  test(`${engine.name}: formats that Linux refuses print nothing`, () => {
    const print = (format: string, size = format.length + 1): bigint => {
      const bytes = Buffer.from(`${format}\0`.padEnd(16, "\0"));
      const words = [0, 8].map(
        (at) => `r1 = 0x${bytes.readBigUInt64LE(at).toString(16)} ll\n*(u64 *)(r10 - ${16 - at}) = r1`,
      );
      const text = `${words.join("\n")}\nr1 = r10\nr1 += -16\nr2 = ${size}\nr3 = 1\nr4 = 2\nr5 = 3\ncall trace_printk`;
      const { result, lines } = run(engine, text, "kprobe/f");
      assert.equal(lines.length, result === EINVAL ? 0 : 1);
      return result;
    };
    for (const format of ["%d %d %d %d", "%q", "%", "%o", "%#x", "%hhd", "\u0001"])
      assert.equal(print(format), EINVAL, format);
    assert.equal(print("no NUL", 6), EINVAL);
    for (const format of ["%d %i %u", "%lld%%", "%5x %-5X", "%c", "%pK", "a\tb"])
      assert.notEqual(print(format), EINVAL, format);
  });
}

test("programs get only those helpers that their type has", () => {
  const [engine] = ENGINES;
  assert.ok(engine !== undefined);
  assert.throws(() => run(engine, "r1 = r9\nr2 = 0\ncall xdp_adjust_head", "tc"), /not for programs of type sched_cls/);
  assert.throws(() => run(engine, "call ktime_get_coarse_ns", "kprobe/f"), /not for programs of type kprobe/);
});

test("what is no name of an errno is not answered", () => {
  for (const { action, name } of HELPERS)
    if (action.type === "answer" && action.value < 0)
      assert.ok(Object.values<number>(ERRNO).includes(-action.value), name);
});
