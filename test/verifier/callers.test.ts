/** Which programs may call which helpers and kernel functions, against what Linux lets them call. */
import assert from "node:assert/strict";
import { release } from "node:os";
import { test } from "node:test";
import { HELPERS } from "../../src/bpf/helpers/table.ts";
import { type Allowed, askKernel, readAllowed } from "./kernel/callers.ts";

/** Where it is left to differ, and why. */
const DIFFERENCES: readonly { readonly of: RegExp; readonly why: string }[] = [
  { of: /^override_return|^probe_write_user/, why: "only kernels with certain options have it" },
  { of: /^bpf_trap|^bpf_frame_pointer_written/, why: "it is none of Linux's" },
  {
    of: /^bpf_dynptr_slice_rdwr/,
    why: "Linux looks at the arguments first, of which the calls that it is asked by have none",
  },
  { of: /^bpf_dynptr_from_skb/, why: "others may have a packet as an argument, which is not followed here" },
  {
    of: /^xdp_get_buff_len (tp_btf|iter|syscall)$/,
    why: "others may have a packet as an argument, which is not followed here",
  },
  {
    of: /^(sk_storage_(get|delete)|d_path) (syscall|tp_btf)$/,
    why: "the rows follow what Linux asks of the function besides",
  },
  { of: /^[sg]etsockopt iter$/, why: "Linux lets iterators over sockets alone" },
];

/** @returns `helper caller` of each pair on which they are not of one mind, with who takes it */
function differences(allowed: Allowed): string[] {
  return Object.entries(allowed).flatMap(([caller, names]) =>
    HELPERS.flatMap(({ name, callers }) => {
      const here = callers?.some((each) => each === caller) ?? true;
      return here === names.includes(name) ? [] : [`${name} ${caller}`];
    }),
  );
}

function check(allowed: Allowed): void {
  const unexplained = differences(allowed).filter((pair) => !DIFFERENCES.some(({ of }) => of.test(pair)));
  assert.deepEqual(unexplained, []);
}

test("as Linux 6.18 lets them", () => check(readAllowed().allowed));

test("as the running kernel lets them", (context) => {
  const allowed = askKernel();
  if (typeof allowed === "string") return context.skip(allowed);
  const { kernel, allowed: recorded } = readAllowed();
  if (kernel !== release()) return context.skip(`it is no ${kernel}`);
  assert.deepEqual(allowed, recorded);
});

test("every difference is one that there is", () => {
  const found = differences(readAllowed().allowed);
  const idle = DIFFERENCES.filter(({ of }) => !found.some((pair) => of.test(pair)));
  assert.deepEqual(idle, []);
});
