/**
 * A program, what it runs on, and what comes of it, computed from what the runs are made of: without maps, without programs. What
 * Linux answered to the same is in test/data/programs-6.18.json (`npm run programs`).
 */
import type { BtfValue } from "../../src/bpf/object/btf.ts";
import { Random } from "../../src/sim/random.ts";
import { ICMP, type PacketShape, TCP, UDP } from "./packets.ts";

export interface Run {
  /** If not the case's own. */
  readonly program?: string;
  readonly packet?: Uint8Array;
  /** `skb->mark`: what a program on packets is told besides. */
  readonly mark?: number;
  /** The context, as bytes. */
  readonly raw?: Uint8Array;
  readonly args?: readonly bigint[];
  readonly cpu?: number;
  readonly time?: bigint;
  /** Nanoseconds that pass before it. */
  readonly advance?: bigint;
}

export interface Answer {
  readonly result: number;
  /** The packet afterwards, where it is another one. */
  readonly packet?: Uint8Array;
}

export type Entries = readonly (readonly [key: BtfValue, value: BtfValue])[];

export interface ProgramCase {
  readonly object: string;
  readonly program: string;
  readonly doc: string;
  /** Variables that are set before it is loaded. */
  readonly globals?: Readonly<Record<string, number>>;
  /** Entries that are put into its maps first. */
  readonly put?: Readonly<Record<string, Entries>>;
  readonly runs: readonly Run[];
  readonly answers: readonly Answer[];
  /** What is in maps at the end, in any order; of per-CPU maps the sum of all CPUs. */
  readonly maps?: Readonly<Record<string, Entries>>;
  /** What is in variables. */
  readonly variables?: Readonly<Record<string, BtfValue>>;
  /** Why Linux is not asked. */
  readonly notByLinux?: string;
}

export function pick<T>(random: Random, of: readonly T[]): T {
  return of[random.below(of.length)] as T;
}

/** Packets of a few sources, destinations and ports, so that most come more than once. */
export function somePackets(seed: number, count: number): PacketShape[] {
  const random = new Random(seed);
  return Array.from({ length: count }, () => ({
    source: 0x0a000000 + random.below(12) * 0x10101,
    destination: 0xc0a80000 + random.below(3),
    protocol: pick(random, [TCP, TCP, UDP, UDP, UDP, ICMP]),
    sourcePort: 1024 + random.below(4),
    destinationPort: pick(random, [22, 53, 80, 443]),
    ttl: pick(random, [1, 2, 64, 255]),
    payload: Uint8Array.from({ length: random.below(200) }, () => random.below(256)),
  }));
}

/** Counts by what each is. */
export function countBy<T, K>(all: readonly T[], by: (each: T) => K): Map<K, number> {
  const counts = new Map<K, number>();
  for (const each of all) counts.set(by(each), (counts.get(by(each)) ?? 0) + 1);
  return counts;
}
