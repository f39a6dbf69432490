/**
 * Accepted programs on the interpreter, which knows each byte that a run may touch, and compares what the verifier believed: whatever it
 * says against one of them is an error of the verifier.
 */

import { helperById } from "../../src/bpf/helpers/table.ts";
import type { CoreFunction } from "../../src/bpf/host.ts";
import { createInterpreter } from "../../src/bpf/interpreter/interpreter.ts";
import { disassemble } from "../../src/bpf/isa/disassemble.ts";
import { linkProgram } from "../../src/bpf/link.ts";
import type { LinkedProgram } from "../../src/bpf/linked.ts";
import type { ObjectSpec } from "../../src/bpf/object/spec.ts";
import { programType } from "../../src/bpf/programs/table.ts";
import { CONTEXT, CPU, fakeHost, RECORD_ROOM, STACK_TOP } from "../../src/bpf/testing.ts";
import { verifyProgram } from "../../src/bpf/verifier/verify.ts";
import { AnyctxError } from "../../src/error.ts";
import { MAPS } from "./object.ts";
import { Random, randomObject } from "./random-programs.ts";

/** Programs after which a host is made anew: it gives nothing back. */
const HOST_PROGRAMS = 100;
const MOST_INSTRUCTIONS = 20_000;
const RUNS = 4;

/** Objects come from an allocator, no time passes in which a timer could fire, and a packet's hash is known. */
const MADE_UP = {
  answers: new Map([["get_hash_recalc", 0x9e3779b1n]]),
  objects: () => 1,
  copies: () => ({ allocator: 1, cpus: 4 }),
  timers: { init: () => true, setCallback: () => true, start: () => true, cancel: () => false },
};

type Host = ReturnType<typeof fakeHost>;

function hostOf(random: Random): Host {
  const host = fakeHost();
  for (const map of MAPS) host.add(map);
  let reserved = 0;
  const reserve: CoreFunction = (_, size) => {
    if (random.below(4) === 0) return 0;
    reserved = (reserved + 1) % 16;
    return Number(size) <= 4096 ? RECORD_ROOM + reserved * 4096 : 0;
  };
  Object.assign(host.core, {
    ...{ pseudoRandom: () => random.below(2 ** 32) | 0, ringbufReserve: reserve },
    ...{ userRingbufBegin: () => 0, userRingbufPass: () => 0, userRingbufEnd: () => 0 },
    userRingbufNext: () => nextRecord(host, random),
  });
  fill(host, random);
  return host;
}

/** A record that a thread has put in, of a few bytes, or none. */
function nextRecord({ view }: Host, random: Random): number {
  if (random.below(3) === 0) return 0;
  view.setUint32(RECORD_ROOM, random.pick([0, 1, 8, 4000]), true);
  return RECORD_ROOM + 8;
}

/** Entries under a few keys. */
function fill(host: Host, random: Random): void {
  for (const { name, address, kind, keySize, valueSize } of host.bindings.values()) {
    const update = host.core[kind.program.update ?? ""];
    if (update === undefined || kind.keys === "index") continue;
    for (const key of [0, 1, 5]) {
      host.bytes.fill(0, STACK_TOP, STACK_TOP + keySize);
      host.view.setUint32(STACK_TOP, key, true);
      for (let at = 0; at < valueSize; at++) host.bytes[STACK_TOP + 64 + at] = random.below(256);
      if (name !== "queue") update(address, STACK_TOP, STACK_TOP + 64, 0);
    }
  }
}

const BYTES = [0, 0, 0, 1, 2, 7, 8, 15, 16, 17, 31, 0x7f, 0x80, 0xff, 0xff] as const;

/** Bytes that compare in many ways: runs of zeroes, of ones, small numbers, anything. */
function someBytes(random: Random, length: number): Uint8Array {
  const style = random.below(4);
  return new Uint8Array(length).map((_, at) => {
    if (style === 0) return random.below(256);
    if (style === 1) return at % 8 === 0 ? random.pick(BYTES) : 0;
    if (style === 2) return at % 8 === 0 ? random.below(256) : 0xff;
    return random.pick(BYTES);
  });
}

/** Places a context as its type makes it. @returns its bytes */
function placeContext(host: Host, random: Random, { kind }: LinkedProgram, least: number): number {
  if ("reason" in kind) return 0;
  const { context, packet } = programType(kind);
  const bytes = context.access?.bytes(kind.target) ?? least;
  const given =
    packet === undefined
      ? undefined
      : context.direct({ packet: someBytes(random, random.pick([0, 1, 13, 14, 15, 19, 20, 40, 64])) }, kind.target);
  const target = new Uint8Array(given?.bytes ?? bytes);
  if (given === undefined) target.set(someBytes(random, bytes));
  else given.write(target, CONTEXT);
  host.setContext(target);
  return given?.own ?? target.length;
}

export interface Outcome {
  readonly offered: number;
  readonly accepted: number;
  readonly runs: number;
  /** What the interpreter said against an accepted program, with its text. */
  readonly wrong: readonly string[];
}

/** Offers random programs to the verifier until so many were accepted; each of those runs on a few inputs. */
export function runAccepted(seed: number, wanted: number): Outcome {
  const random = new Random(seed);
  const wrong: string[] = [];
  let [offered, accepted, runs] = [0, 0, 0];
  let host = hostOf(random);
  while (accepted < wanted && wrong.length === 0) {
    if (++offered % HOST_PROGRAMS === 0) host = hostOf(random);
    const object = randomObject(random);
    const linked = tryLink(object, host);
    if (linked === undefined || asksTooMuch(linked)) continue;
    const found = verifyProgram(linked, { mostInstructions: MOST_INSTRUCTIONS, beliefs: true });
    if (found.verdict !== "accepted") continue;
    accepted++;
    const run = createInterpreter(found.program, {
      ...host,
      kernel: { read: () => undefined, readText: () => undefined },
      ...MADE_UP,
    });
    for (let round = 0; round < RUNS; round++, runs++) {
      const bytes = placeContext(host, random, linked, found.contextBytes);
      try {
        run(CONTEXT, CPU, STACK_TOP, bytes);
      } catch (error) {
        if (!(error instanceof AnyctxError)) throw error;
        wrong.push(`program ${offered} of seed ${seed}: ${error.message}\n${disassemble(linked.instructions)}`);
        break;
      }
    }
  }
  return { offered, accepted, runs, wrong };
}

/** Whether it calls a helper that stops a run, as no event says what it asks for, or goes through a map that cannot be gone through here. */
function asksTooMuch({ helpers, maps }: LinkedProgram): boolean {
  return helpers.some((id) => {
    const helper = helperById(id);
    const goesThrough = helper?.calls?.arguments.includes("key") === true && helper.calls.later === undefined;
    return helper?.action.type === "unknown" || (goesThrough && maps.some(({ kind }) => kind.keys !== "index"));
  });
}

function tryLink(object: ObjectSpec, host: Host): LinkedProgram | undefined {
  try {
    return linkProgram(object, "program", host.bindings);
  } catch (error) {
    if (error instanceof AnyctxError) return undefined;
    throw error;
  }
}
