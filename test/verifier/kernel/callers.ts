/** Which programs a kernel lets call which helpers and kernel functions: a program of one call for each pair, and what was recorded. */
import { readFileSync, writeFileSync } from "node:fs";
import { gunzipSync, gzipSync } from "node:zlib";
import type { Caller } from "../../../src/bpf/helpers/callers.ts";
import { type Helper, isKernelFunction } from "../../../src/bpf/helpers/helper.ts";
import { HELPERS } from "../../../src/bpf/helpers/table.ts";
import { assemble } from "../../../src/bpf/isa/assemble.ts";
import { CALL } from "../../../src/bpf/isa/instructions.ts";
import { type Btf, readBtf } from "../../../src/bpf/object/btf.ts";
import { type Offered, offerPrograms } from "./offer.ts";

const CALLERS_FILE = "test/data/verifier/callers-6.18.json.gz";

/** How programs of a caller are loaded: `enum bpf_prog_type`, `enum bpf_attach_type`, and what of the kernel's they attach to. */
interface Loading {
  readonly type: number;
  readonly attach?: number;
  readonly target?: readonly [kind: string, name: string];
}

/** BPF_PSEUDO_KFUNC_CALL and BPF_F_SLEEPABLE. */
const [KERNEL_CALL, SLEEPABLE] = [2, 16];
const [SOCK_ADDR, TRACING_TYPE, STRUCT_OPS_TYPE, SYSCALL_TYPE] = [18, 26, 27, 31];

/** Those that a kernel without function tracing and security hooks for programs loads; of all others nothing was recorded. */
const LOADINGS: Readonly<Partial<Record<Caller, Loading>>> = {
  socket_filter: { type: 1 },
  kprobe: { type: 2 },
  sched_cls: { type: 3 },
  tracepoint: { type: 5 },
  xdp: { type: 6 },
  perf_event: { type: 7 },
  cgroup_skb: { type: 8 },
  cgroup_sock: { type: 9, attach: 2 },
  raw_tracepoint: { type: 17 },
  lwt_in: { type: 10 },
  lwt_out: { type: 11 },
  lwt_xmit: { type: 12 },
  lwt_seg6local: { type: 19 },
  sock_ops: { type: 13, attach: 3 },
  sk_skb: { type: 14, attach: 5 },
  cgroup_device: { type: 15, attach: 6 },
  sk_msg: { type: 16, attach: 7 },
  sk_reuseport: { type: 21, attach: 39 },
  flow_dissector: { type: 22, attach: 17 },
  cgroup_bind: { type: SOCK_ADDR, attach: 8 },
  cgroup_connect: { type: SOCK_ADDR, attach: 10 },
  cgroup_sendmsg: { type: SOCK_ADDR, attach: 14 },
  cgroup_recvmsg: { type: SOCK_ADDR, attach: 19 },
  cgroup_getpeername: { type: SOCK_ADDR, attach: 29 },
  cgroup_getsockname: { type: SOCK_ADDR, attach: 31 },
  cgroup_connect_unix: { type: SOCK_ADDR, attach: 49 },
  cgroup_sysctl: { type: 23, attach: 18 },
  cgroup_getsockopt: { type: 25, attach: 21 },
  cgroup_setsockopt: { type: 25, attach: 22 },
  tp_btf: { type: TRACING_TYPE, attach: 23, target: ["alias", "btf_trace_sched_switch"] },
  iter: { type: TRACING_TYPE, attach: 28, target: ["func", "bpf_iter_task"] },
  struct_ops: { type: STRUCT_OPS_TYPE, target: ["struct", "tcp_congestion_ops"] },
  sk_lookup: { type: 30, attach: 36 },
  syscall: { type: SYSCALL_TYPE },
  netfilter: { type: 32, attach: 45 },
};

/** By the caller's name, what its programs may call. */
export type Allowed = Readonly<Record<string, readonly string[]>>;

function numberOf({ types }: Btf, kind: string, name: string): number | undefined {
  const found = types.findIndex((type) => type.kind === kind && type.name === name);
  return found < 0 ? undefined : found;
}

/** The call by itself; undefined where the kernel has no such function. */
function callOf(kernel: Btf, helper: Helper): Offered["instructions"] | undefined {
  const end = assemble("r0 = 0\nexit");
  if (!isKernelFunction(helper)) return [{ code: CALL, dst: 0, src: 0, offset: 0, imm: helper.id }, ...end];
  const imm = numberOf(kernel, "func", helper.name);
  return imm === undefined ? undefined : [{ code: CALL, dst: 0, src: KERNEL_CALL, offset: 0, imm }, ...end];
}

const NOT_ALLOWED =
  /cannot use helper|^invalid func |is not allowed$|not supported for program type|supported only for/;

/** @returns what the running kernel allows, or why it was not asked */
export function askKernel(): Allowed | string {
  const { btf } = readBtf(readFileSync("/sys/kernel/btf/vmlinux"), "the kernel's types");
  const pairs = Object.entries(LOADINGS).flatMap(([caller, { type, attach = 0, target }]) => {
    const number = target === undefined ? 0 : (numberOf(btf, ...target) ?? 0);
    const flags = type === SYSCALL_TYPE ? SLEEPABLE : 0;
    return HELPERS.flatMap((helper) => {
      const instructions = callOf(btf, helper);
      const { name } = helper;
      return instructions === undefined ? [] : [{ caller, name, type, attach, target: number, flags, instructions }];
    });
  });
  const verdicts = offerPrograms(pairs);
  if (typeof verdicts === "string") return verdicts;
  const allowed: Record<string, string[]> = {};
  pairs.forEach(({ caller, name }, index) => {
    const verdict = verdicts[index];
    allowed[caller] ??= [];
    if (verdict !== undefined && (verdict.accepted || !NOT_ALLOWED.test(verdict.log))) allowed[caller].push(name);
  });
  return allowed;
}

export function recordAllowed(allowed: Allowed, release: string): void {
  writeFileSync(CALLERS_FILE, gzipSync(`${JSON.stringify({ kernel: release, allowed })}\n`, { level: 9 }));
}

export function readAllowed(): { readonly kernel: string; readonly allowed: Allowed } {
  return JSON.parse(gunzipSync(readFileSync(CALLERS_FILE)).toString());
}
