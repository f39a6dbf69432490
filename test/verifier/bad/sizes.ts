/** Sizes that may be 0, for helpers whose memory is at least a byte. */
import { type BadProgram, END, KPROBE, OUT, TC, XDP } from "./pieces.ts";

/** Of each helper its section, which argument the size is, and the other arguments; r6 is the context. */
const CALLS: readonly (readonly [name: string, section: string, size: number, rest: string])[] = [
  ["trace_printk", KPROBE, 2, "r1 = r10\nr1 += -8"],
  ["get_current_comm", KPROBE, 2, "r1 = r10\nr1 += -8"],
  ["strtol", KPROBE, 2, "r1 = r10\nr1 += -8\nr3 = 0\nr4 = r10\nr4 += -16"],
  ["strtoul", KPROBE, 2, "r1 = r10\nr1 += -8\nr3 = 0\nr4 = r10\nr4 += -16"],
  ["strncmp", KPROBE, 2, "r1 = r10\nr1 += -8\nr3 = &.texts+0"],
  ["trace_vprintk", KPROBE, 2, "r1 = r10\nr1 += -8\nr3 = 0\nr4 = 0"],
  ["get_ns_current_pid_tgid", KPROBE, 4, "r1 = 0\nr2 = 0\nr3 = r10\nr3 += -8"],
  ["perf_event_read_value", KPROBE, 4, "r1 = &events\nr2 = 0\nr3 = r10\nr3 += -8"],
  ["snprintf_btf", KPROBE, 2, "r1 = r10\nr1 += -8\nr3 = r10\nr3 += -16\nr4 = 16\nr5 = 0"],
  ["xdp_load_bytes", XDP, 4, "r1 = r6\nr2 = 0\nr3 = r10\nr3 += -8"],
  ["xdp_store_bytes", XDP, 4, "r1 = r6\nr2 = 0\nr3 = r10\nr3 += -8"],
  ["fib_lookup", XDP, 3, "r1 = r6\nr2 = r10\nr2 += -8\nr4 = 0"],
  ["skb_load_bytes", TC, 4, "r1 = r6\nr2 = 0\nr3 = r10\nr3 += -8"],
  ["skb_store_bytes", TC, 4, "r1 = r6\nr2 = 0\nr3 = r10\nr3 += -8\nr5 = 0"],
  ["skb_load_bytes_relative", TC, 4, "r1 = r6\nr2 = 0\nr3 = r10\nr3 += -8\nr5 = 0"],
  ["skb_get_tunnel_key", TC, 3, "r1 = r6\nr2 = r10\nr2 += -8\nr4 = 0"],
  ["skb_set_tunnel_key", TC, 3, "r1 = r6\nr2 = r10\nr2 += -8\nr4 = 0"],
  ["skb_get_tunnel_opt", TC, 3, "r1 = r6\nr2 = r10\nr2 += -8"],
  ["skb_set_tunnel_opt", TC, 3, "r1 = r6\nr2 = r10\nr2 += -8"],
  ["skb_get_xfrm_state", TC, 4, "r1 = r6\nr2 = 0\nr3 = r10\nr3 += -8\nr5 = 0"],
];

export const SIZED: readonly BadProgram[] = CALLS.map(([name, section, size, rest]) => {
  const program = (check: string): string =>
    `r6 = r1\n*(u64 *)(r10 - 8) = 0\n*(u64 *)(r10 - 16) = 0\ncall get_prandom_u32\nr7 = r0\nr7 &= 7\n${check}${rest}
r${size} = r7\ncall ${name}\n${check === "" ? END : OUT}`;
  return {
    name: `${name} of perhaps no byte`,
    section,
    bad: program(""),
    good: program("if r7 == 0 goto out\n"),
    category: "argument",
    says: /takes a size of at least 1 as argument/,
  };
});
