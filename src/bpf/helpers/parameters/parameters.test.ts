/** Every kind of parameter by both engines: what is taken and what is refused, and what the core is given of it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { AnyctxError } from "../../../error.ts";
import { ByteWriter } from "../../../wasm/encode.ts";
import type { CoreFunction } from "../../host.ts";
import { assemble } from "../../isa/assemble.ts";
import { linkProgram } from "../../link.ts";
import { specOfInstructions } from "../../object/spec.ts";
import { CONTEXT, CPU, ENGINES, fakeHost, RECORD_ROOM, STACK_TOP } from "../../testing.ts";
import { HELPERS } from "../table.ts";
import { CALLBACK } from "./callback.ts";
import type { CheckedCall, ParameterKind } from "./parameter-kind.ts";
import { PARAMETER_KINDS } from "./table.ts";

interface Sample {
  /** The helper whose call takes the argument, and where; the other arguments are good ones. */
  readonly helper: string;
  readonly register: number;
  /** Instructions that make the argument in its register, with what the core gets, where it is the core that does. */
  readonly taken: readonly (readonly [string, (number | bigint)?])[];
  /** Instructions that make an argument that both engines refuse. */
  readonly refused: readonly string[];
}

const FRAME = STACK_TOP - 512;
/** Of helpers that are carried out in TypeScript. */
const SERVED: Pick<Sample, "taken" | "refused"> = {
  taken: [["{r} = r10\n{r} += -16"]],
  refused: ["{r} = 0", "{r} = -1", "{r} = 4096", "{r} = 0x100000000 ll"],
};
const SERVED_OR_NONE: Pick<Sample, "taken" | "refused"> = { ...SERVED, refused: SERVED.refused.slice(1) };
/** Which object or thing it is only the verifier knows. */
const ANYTHING: Pick<Sample, "taken" | "refused"> = { taken: [["{r} = 0"], ["{r} = -1"]], refused: [] };
const POINTERS: Pick<Sample, "taken" | "refused"> = {
  taken: [["{r} = r10\n{r} += -16", STACK_TOP - 16]],
  refused: ["{r} = 0", "{r} = -1", "{r} = 4096", "{r} = 0x100000000 ll"],
};

/** By kind; a kind that is not here fails. */
const SAMPLES: Readonly<Record<string, Sample>> = {
  map: { helper: "map_update_elem", register: 1, taken: [["{r} = {map}", 0x40000]], refused: ["{r} = 5", "{r} = 0"] },
  key: { helper: "map_update_elem", register: 2, ...POINTERS },
  value: { helper: "map_update_elem", register: 3, ...POINTERS },
  value_or_null: { helper: "task_storage_get", register: 3, ...SERVED_OR_NONE },
  room: { helper: "map_pop_elem", register: 2, ...POINTERS },
  word: {
    helper: "map_lookup_percpu_elem",
    register: 3,
    taken: [
      ["{r} = 1", 1],
      ["{r} = 0x100000002 ll", 2],
      ["{r} = -1", 0xffffffff],
    ],
    refused: [],
  },
  flags: {
    helper: "map_update_elem",
    register: 4,
    taken: [
      ["{r} = 0", 0],
      ["{r} = 2", 2],
      ["{r} = 0x80000001 ll", 0x80000001],
      ["{r} = 0x100000000 ll", 0xffffffff],
      ["{r} = -1", 0xffffffff],
    ],
    refused: [],
  },
  record_size: {
    helper: "ringbuf_reserve",
    register: 2,
    taken: [
      ["{r} = 8", 8],
      ["{r} = 0x100000008 ll", 0xffffffff],
    ],
    refused: [],
  },
  destination: { helper: "probe_read", register: 1, ...POINTERS },
  size: {
    helper: "probe_read",
    register: 2,
    taken: [
      ["{r} = 0", 0],
      ["{r} = 8", 8],
    ],
    refused: ["{r} = 0x80000000 ll", "{r} = -1"],
  },
  source: {
    helper: "probe_read",
    register: 3,
    taken: [
      ["{r} = 0", 0n],
      ["{r} = -1", -1n],
      ["{r} = 0x7fffffffffffffff ll", 2n ** 63n - 1n],
    ],
    refused: [],
  },
  text: { helper: "trace_printk", register: 1, ...POINTERS },
  text_or_null: { helper: "snprintf", register: 4, ...SERVED_OR_NONE },
  destination_or_null: { helper: "snprintf", register: 1, ...SERVED_OR_NONE },
  string: { helper: "strncmp", register: 3, ...SERVED },
  format: { helper: "snprintf", register: 3, ...SERVED },
  long_room: { helper: "strtol", register: 4, ...SERVED },
  word_room: { helper: "check_mtu", register: 3, ...SERVED },
  lock: { helper: "spin_lock", register: 1, ...SERVED },
  timer: { helper: "timer_cancel", register: 1, ...SERVED },
  workqueue: { helper: "bpf_wq_start", register: 1, ...SERVED },
  dynptr: { helper: "dynptr_data", register: 1, ...SERVED },
  value_memory: { helper: "dynptr_from_mem", register: 1, ...SERVED },
  buffer_or_null: { helper: "bpf_dynptr_slice", register: 3, ...SERVED_OR_NONE },
  positive_size: {
    helper: "skb_load_bytes",
    register: 4,
    taken: [["{r} = 8"], ["{r} = 1"]],
    refused: ["{r} = 0x80000000 ll", "{r} = -1"],
  },
  context_or_socket: { helper: "get_socket_cookie", register: 1, ...ANYTHING },
  context_or_null: { helper: "get_netns_cookie", register: 1, ...ANYTHING },
  dynptr_room: { helper: "dynptr_from_mem", register: 4, ...SERVED },
  record_dynptr_room: { helper: "ringbuf_reserve_dynptr", register: 4, ...SERVED },
  record_dynptr: { helper: "ringbuf_submit_dynptr", register: 1, ...SERVED },
  packet_dynptr_room: { helper: "bpf_dynptr_from_xdp", register: 3, ...SERVED },
  iterator_room: { helper: "bpf_iter_num_new", register: 1, ...SERVED },
  iterator: { helper: "bpf_iter_num_next", register: 1, ...SERVED },
  ending_iterator: { helper: "bpf_iter_num_destroy", register: 1, ...SERVED },
  interrupts_room: { helper: "bpf_local_irq_save", register: 1, ...SERVED },
  interrupts: { helper: "bpf_local_irq_restore", register: 1, ...SERVED },
  list: { helper: "bpf_list_pop_front", register: 1, ...SERVED },
  tree: { helper: "bpf_rbtree_first", register: 1, ...SERVED },
  kept_pointer: { helper: "kptr_xchg", register: 1, ...SERVED },
  pointee: { helper: "kptr_xchg", register: 2, ...ANYTHING },
  type_number: { helper: "bpf_obj_new_impl", register: 1, ...ANYTHING },
  copied_type: { helper: "bpf_percpu_obj_new_impl", register: 1, ...ANYTHING },
  own_copies: { helper: "bpf_percpu_obj_drop_impl", register: 1, ...ANYTHING },
  copies: { helper: "per_cpu_ptr", register: 1, ...ANYTHING },
  own_object: { helper: "bpf_obj_drop_impl", register: 1, ...ANYTHING },
  shared_object: { helper: "bpf_refcount_acquire_impl", register: 1, ...ANYTHING },
  own_node: { helper: "bpf_list_push_front_impl", register: 2, ...ANYTHING },
  node: { helper: "bpf_rbtree_remove", register: 2, ...ANYTHING },
  socket: { helper: "sk_fullsock", register: 1, ...ANYTHING },
  own_socket: { helper: "sk_release", register: 1, ...ANYTHING },
  task: { helper: "bpf_task_acquire", register: 1, ...ANYTHING },
  own_task: { helper: "bpf_task_release", register: 1, ...ANYTHING },
  cgroup: { helper: "bpf_cgroup_acquire", register: 1, ...ANYTHING },
  own_cgroup: { helper: "bpf_cgroup_release", register: 1, ...ANYTHING },
  context: {
    helper: "get_func_ip",
    register: 1,
    taken: [[""]],
    refused: ["{r} = 0", "{r} = -1", "{r} = 4096", "{r} = 0x100000000 ll"],
  },
  callback_context: { helper: "loop", register: 3, taken: [["{r} = 0"]], refused: [] },
  callback: { helper: "loop", register: 2, taken: [["{r} = function(body) ll"]], refused: [] },
  record: {
    helper: "ringbuf_submit",
    register: 1,
    taken: [["{r} = {map}\nr2 = 8\nr3 = 0\ncall ringbuf_reserve\n{r} = r0", RECORD_ROOM]],
    refused: ["{r} = 0", "{r} = -1", "{r} = 4096", "{r} = 0x100000000 ll"],
  },
  scalar: {
    helper: "trace_printk",
    register: 3,
    taken: [["{r} = 0x1122334455667788 ll", 0x1122334455667788n]],
    refused: [],
  },
};

const ROOM = "{r} = r10\n{r} += -32";

/** Helpers that the interpreter does not carry out here: what they would do with an argument is another matter. */
const UNSERVED: readonly string[] = [
  ...[
    "skb_load_bytes",
    "get_socket_cookie",
    "get_netns_cookie",
    "ringbuf_reserve_dynptr",
    "ringbuf_submit_dynptr",
    "bpf_dynptr_from_xdp",
  ],
  ...["bpf_list_pop_front", "bpf_rbtree_first", "kptr_xchg", "bpf_obj_new_impl", "bpf_obj_drop_impl"],
  ...["bpf_refcount_acquire_impl", "bpf_list_push_front_impl", "bpf_rbtree_remove", "sk_release"],
  ...["bpf_percpu_obj_new_impl", "bpf_percpu_obj_drop_impl", "per_cpu_ptr"],
];

/** Good arguments of each helper that a sample calls. */
const GOOD: Readonly<Record<string, readonly string[]>> = {
  map_update_elem: ["{r} = {map}", "{r} = r10\n{r} += -32", "{r} = r10\n{r} += -32", "{r} = 0"],
  ringbuf_reserve: ["{r} = {map}", "{r} = 8", "{r} = 0"],
  ringbuf_submit: ["{r} = 0", "{r} = 0"],
  map_pop_elem: ["{r} = {map}", "{r} = r10\n{r} += -32"],
  map_lookup_percpu_elem: ["{r} = {map}", "{r} = r10\n{r} += -32", "{r} = 0"],
  probe_read: ["{r} = r10\n{r} += -32", "{r} = 8", "{r} = 0"],
  trace_printk: ["{r} = r10\n{r} += -32", "{r} = 8", "{r} = 0", "{r} = 0", "{r} = 0"],
  snprintf: ["{r} = r10\n{r} += -32", "{r} = 0", "{r} = r10\n{r} += -32", "{r} = r10\n{r} += -32", "{r} = 0"],
  strncmp: ["{r} = r10\n{r} += -32", "{r} = 8", "{r} = r10\n{r} += -32"],
  strtol: ["{r} = r10\n{r} += -32", "{r} = 8", "{r} = 10", "{r} = r10\n{r} += -32"],
  check_mtu: ["", "{r} = 0", "{r} = r10\n{r} += -32", "{r} = 0", "{r} = 0"],
  task_storage_get: ["{r} = {map}", "{r} = 0", "{r} = 0", "{r} = 0"],
  spin_lock: ["{r} = r10\n{r} += -32"],
  timer_cancel: ["{r} = r10\n{r} += -32"],
  bpf_wq_start: ["{r} = r10\n{r} += -32"],
  dynptr_data: ["{r} = r10\n{r} += -32", "{r} = 0", "{r} = 0"],
  dynptr_from_mem: [ROOM, "{r} = 8", "{r} = 0", ROOM],
  ringbuf_reserve_dynptr: ["{r} = {map}", "{r} = 8", "{r} = 0", ROOM],
  ringbuf_submit_dynptr: [ROOM, "{r} = 0"],
  bpf_dynptr_from_xdp: ["", "{r} = 0", ROOM],
  bpf_iter_num_new: [ROOM, "{r} = 0", "{r} = 0"],
  bpf_iter_num_next: [ROOM],
  bpf_iter_num_destroy: [ROOM],
  bpf_local_irq_save: [ROOM],
  bpf_local_irq_restore: [ROOM],
  bpf_list_pop_front: [ROOM],
  bpf_rbtree_first: [ROOM],
  kptr_xchg: [ROOM, "{r} = 0"],
  bpf_obj_new_impl: ["{r} = 0", "{r} = 0"],
  bpf_obj_drop_impl: ["{r} = 0", "{r} = 0"],
  bpf_percpu_obj_new_impl: ["{r} = 0", "{r} = 0"],
  bpf_percpu_obj_drop_impl: ["{r} = 0", "{r} = 0"],
  per_cpu_ptr: ["{r} = 0", "{r} = 0"],
  bpf_refcount_acquire_impl: ["{r} = 0", "{r} = 0"],
  bpf_list_push_front_impl: [ROOM, "{r} = 0", "{r} = 0", "{r} = 0"],
  bpf_rbtree_remove: [ROOM, "{r} = 0"],
  sk_fullsock: ["{r} = 0"],
  bpf_dynptr_slice: [ROOM, "{r} = 0", ROOM, "{r} = 8"],
  skb_load_bytes: ["", "{r} = 0", ROOM, "{r} = 8"],
  get_socket_cookie: ["{r} = 0"],
  get_netns_cookie: ["{r} = 0"],
  sk_release: ["{r} = 0"],
  bpf_task_acquire: ["{r} = 0"],
  bpf_task_release: ["{r} = 0"],
  bpf_cgroup_acquire: ["{r} = 0"],
  bpf_cgroup_release: ["{r} = 0"],
  get_func_ip: [""],
  loop: ["{r} = 0", "{r} = function(body) ll", "{r} = 0", "{r} = 0"],
};

/** What follows the call, for it to end well. */
const AFTER: Readonly<Record<string, string>> = {
  spin_lock: "r1 = r10\nr1 += -16\ncall spin_unlock",
  loop: "exit\nbody:\nr0 = 0",
};

/** Kinds of maps that the helpers are called on; a hash if they are not here. */
const MAP_TYPES: Readonly<Record<string, number>> = {
  ringbuf_submit: 27,
  ringbuf_reserve: 27,
  ringbuf_reserve_dynptr: 27,
  map_pop_elem: 22,
  map_lookup_percpu_elem: 5,
};

type Engine = (typeof ENGINES)[number];

/** Calls the helper, and says what the core was given; for trace_printk, which it does not carry out, what was printed. */
function passed(engine: Engine, { helper, register }: Sample, argument: string): readonly (number | bigint | string)[] {
  const host = fakeHost();
  const { address } = host.add({ name: "map", bpfType: MAP_TYPES[helper] ?? 1 });
  const got: (number | bigint)[] = [];
  const seen: CoreFunction = (...values) => {
    got.push(...values);
    return 0;
  };
  // The frame below is text: "%llx" wherever it is taken for a format.
  for (let at = FRAME; at < STACK_TOP; at += 8) host.view.setBigUint64(at, 0x786c6c25n, true);
  const lines = (GOOD[helper] ?? []).map((good, index) =>
    (index + 1 === register ? argument : good)
      .replaceAll("{r}", `r${index + 1}`)
      .replace("{map}", `map(${address}) ll`),
  );
  const code = [...lines, `call ${helper}`, AFTER[helper] ?? "", "exit"].join("\n");
  const spec = specOfInstructions("parameters", assemble(code));
  const core = {
    ...host.core,
    hashUpdate: seen,
    ...{ probeRead: seen, probeReadKernel: seen, probeReadEither: seen },
    queuePopValue: seen,
    percpuHashLookupOn: seen,
    ringbufReserve: helper === "ringbuf_reserve" ? seen : (host.core["ringbufReserve"] as CoreFunction),
    ringbufSubmit: seen,
  };
  // "%llx" would be more conversions than a call without values has.
  if (helper === "snprintf") host.view.setBigUint64(STACK_TOP - 32, 0n, true);
  if (helper === "spin_lock") host.view.setBigUint64(STACK_TOP - 16, 0n, true);
  const timers = { init: () => true, setCallback: () => true, start: () => true, cancel: () => true };
  const answers = new Map(["get_func_ip", "check_mtu", ...UNSERVED].map((name) => [name, 0n]));
  const whole = { ...host, core, timers, answers };
  engine.make(linkProgram(spec, "parameters", host.bindings), whole)(CONTEXT, CPU, STACK_TOP);
  return helper === "trace_printk" ? host.lines : got.map((value) => (typeof value === "number" ? value >>> 0 : value));
}

const USED = new Set(HELPERS.flatMap(({ parameters }) => parameters));

test("rows have names of their own and say what they are; helpers take no other kinds", () => {
  assert.equal(new Set(PARAMETER_KINDS.map(({ name }) => name)).size, PARAMETER_KINDS.length);
  for (const kind of USED) assert.ok(PARAMETER_KINDS.includes(kind), kind.name);
  const unused = PARAMETER_KINDS.filter((kind) => !USED.has(kind));
  assert.deepEqual(unused, []);
  for (const { name, doc } of PARAMETER_KINDS) assert.match(doc, /^[A-Z].*\.$/s, name);
});

/** Whether a sample's call has an argument of the kind where it says so. */
function takes({ helper, register }: Sample, kind: ParameterKind): boolean {
  return HELPERS.find(({ name }) => name === helper)?.parameters[register - 1] === kind;
}

for (const engine of ENGINES)
  for (const kind of USED)
    test(`${engine.name}: an argument of kind ${kind.name}`, () => {
      const sample = SAMPLES[kind.name] ?? assert.fail(`no test has an argument of kind ${kind.name}`);
      assert.ok(takes(sample, kind));
      // A compiled program has its services carried out, whoever answers.
      const isCarriedOut = engine.name === "jit" && UNSERVED.includes(sample.helper);
      for (const [text, expected] of isCarriedOut ? [] : sample.taken) {
        const got = passed(engine, sample, text);
        if (expected === undefined) continue;
        if (sample.helper !== "trace_printk") assert.equal(got[sample.register - 1], expected, text);
        else assert.deepEqual(got, [kind.name === "scalar" ? expected.toString(16) : "0"], text);
      }
      for (const text of sample.refused)
        assert.throws(
          () => passed(engine, sample, text),
          (error) => error instanceof AnyctxError && error.code === "EFAULT",
          text,
        );
    });

test("a callback is one of the program's functions", () => {
  const refused: string[] = [];
  const call = (value: bigint): CheckedCall => ({
    context: 0,
    value: (register) => (register === 2 ? value : 0n),
    map: () => assert.fail(),
    pointer: () => assert.fail(),
    releaseRecord: () => assert.fail(),
    isFunction: (slot) => slot === 7n,
    refuse: (register, no) => {
      refused.push(`r${register} ${no}`);
      throw new AnyctxError("EFAULT", "refused");
    },
  });
  assert.equal(CALLBACK.check(call(7n), 2), 7n);
  for (const value of [0n, 8n, 2n ** 32n + 7n]) assert.throws(() => CALLBACK.check(call(value), 2), /refused/);
  assert.deepEqual(refused, new Array(3).fill("r2 function of this program"));
  const pushed: string[] = [];
  CALLBACK.push({
    out: new ByteWriter(),
    map: undefined,
    pushRegister: () => void pushed.push("register"),
    pushPointer: () => assert.fail(),
    failIf: () => assert.fail(),
  });
  assert.deepEqual([pushed, CALLBACK.wasm, CALLBACK.writes], [["register"], "i64", true]);
});
