/** Helpers that ask for time. A trace has one clock, that of its events. */
import { RECORD } from "../../events/record.ts";
import { ADDRESSES, ROUTES } from "./callers.ts";
import type { Helper } from "./helper.ts";

export const TIME_HELPERS: readonly Helper[] = [
  {
    id: 5,
    name: "ktime_get_ns",
    parameters: [],
    action: { type: "record", offset: RECORD.time, bytes: 8 },
    result: "u64",
    doc: "The time of the event in nanoseconds.",
  },
  {
    id: 118,
    name: "jiffies64",
    parameters: [],
    action: { type: "unknown", what: "jiffies" },
    result: "u64",
    doc: "The number of ticks; how many there are in a second no event says, so a run is stopped here without an answer.",
  },
  {
    id: 125,
    name: "ktime_get_boot_ns",
    parameters: [],
    action: { type: "record", offset: RECORD.time, bytes: 8 },
    result: "u64",
    doc: "The time of the event in nanoseconds, as ktime_get_ns.",
  },
  {
    id: 160,
    name: "ktime_get_coarse_ns",
    callers: [
      ...(["socket_filter", "sched_cls", "xdp", "cgroup_skb", "cgroup_sock", "cgroup_sysctl", "sock_ops"] as const),
      ...(["sk_skb", "sk_msg", "sk_lookup", "sk_reuseport", "flow_dissector", "struct_ops"] as const),
      ...[...ADDRESSES, ...ROUTES],
    ],
    parameters: [],
    action: { type: "record", offset: RECORD.time, bytes: 8 },
    result: "u64",
    doc: "The time of the event in nanoseconds, as ktime_get_ns: a kernel's is that of the last tick.",
  },
  {
    id: 208,
    name: "ktime_get_tai_ns",
    parameters: [],
    action: { type: "unknown", what: "the date" },
    result: "u64",
    doc: "The date in nanoseconds of atomic time, which no event says: a run is stopped here without an answer.",
  },
];
