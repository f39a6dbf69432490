/** What programs may read of their context: a load of each width at each place, as a kernel answers, and what was recorded. */
import { readFileSync, writeFileSync } from "node:fs";
import { gunzipSync, gzipSync } from "node:zlib";
import { assemble } from "../../../src/bpf/isa/assemble.ts";
import { offerPrograms } from "./offer.ts";

const READS_FILE = "test/data/verifier/context-reads-6.18.json.gz";

/** A section, `enum bpf_prog_type` and `enum bpf_attach_type` of its programs, and the bytes of their context. */
type Row = readonly [section: string, type: number, attach: number, bytes: number];

const SKB_BYTES = 192;
const SOCK_ADDR: readonly (readonly [place: string, attach: number])[] = [
  ["bind4", 8],
  ["bind6", 9],
  ["connect4", 10],
  ["connect6", 11],
  ["sendmsg4", 14],
  ["sendmsg6", 15],
  ["recvmsg4", 19],
  ["recvmsg6", 20],
  ["getpeername4", 29],
  ["getpeername6", 30],
  ["getsockname4", 31],
  ["getsockname6", 32],
  ["connect_unix", 49],
  ["sendmsg_unix", 50],
];
const ROWS: readonly Row[] = [
  ["socket", 1, 0, SKB_BYTES],
  ["tc", 3, 0, SKB_BYTES],
  ["cgroup_skb/ingress", 8, 0, SKB_BYTES],
  ["lwt_in", 10, 0, SKB_BYTES],
  ["lwt_out", 11, 0, SKB_BYTES],
  ["lwt_xmit", 12, 0, SKB_BYTES],
  ["lwt_seg6local", 19, 0, SKB_BYTES],
  ["sk_skb/stream_parser", 14, 4, SKB_BYTES],
  ["sk_skb/stream_verdict", 14, 5, SKB_BYTES],
  ["flow_dissector", 22, 17, SKB_BYTES],
  ["xdp", 6, 0, 24],
  ["sockops", 13, 3, 224],
  ["sk_msg", 16, 7, 80],
  ["sk_lookup", 30, 36, 72],
  ["cgroup/sock_create", 9, 2, 80],
  ["cgroup/sock_release", 9, 34, 80],
  ["cgroup/post_bind4", 9, 12, 80],
  ["cgroup/post_bind6", 9, 13, 80],
  ["cgroup/dev", 15, 6, 12],
  ["cgroup/sysctl", 23, 18, 8],
  ["cgroup/getsockopt", 25, 21, 40],
  ["cgroup/setsockopt", 25, 22, 40],
  ["sk_reuseport", 21, 39, 56],
  ["netfilter", 32, 45, 16],
  ["perf_event", 7, 0, 184],
  ["kprobe/f", 2, 0, 168],
  ...SOCK_ADDR.map(([place, attach]): Row => [`cgroup/${place}`, 18, attach, 72]),
];

/** A program that reads `bytes` at a place of its context. */
export interface Read {
  readonly section: string;
  readonly at: number;
  readonly bytes: number;
  readonly text: string;
}

const WIDTHS = [1, 2, 4, 8] as const;

/** All loads there are at multiples of their bytes. */
export const READS: readonly Read[] = ROWS.flatMap(([section, , , size]) =>
  WIDTHS.flatMap((bytes) =>
    Array.from({ length: Math.floor(size / bytes) }, (_, index) => ({
      ...{ section, at: index * bytes, bytes },
      text: `r2 = *(u${bytes * 8} *)(r1 + ${index * bytes})\nr0 = 1\nexit`,
    })),
  ),
);

/** @returns of each load whether the running kernel takes it, or why it was not asked */
export function askReads(): readonly boolean[] | string {
  const types = new Map(ROWS.map(([section, type, attach]) => [section, { type, attach }]));
  const verdicts = offerPrograms(
    READS.map(({ section, text }) => ({ type: 0, ...types.get(section), instructions: assemble(text) })),
  );
  return typeof verdicts === "string" ? verdicts : verdicts.map(({ accepted }) => accepted);
}

/** As many signs as there are loads: 1 for those that are taken. */
export function recordReads(taken: readonly boolean[], release: string): void {
  const signs = taken.map((each) => (each ? "1" : "0")).join("");
  writeFileSync(READS_FILE, gzipSync(`${JSON.stringify({ kernel: release, signs })}\n`, { level: 9 }));
}

export function readReads(): { readonly kernel: string; readonly taken: readonly boolean[] } {
  const { kernel, signs } = JSON.parse(gunzipSync(readFileSync(READS_FILE)).toString());
  return { kernel, taken: [...signs].map((sign) => sign === "1") };
}
