/**
 * Accepted programs on the interpreter, which knows each byte that a run may touch, and compares what the verifier believed: whatever it
 * says against one of them is an error of the verifier. The same programs compiled, every other one as if it were not verified, on memory
 * that was the same: what they return and leave there has to be the same.
 */

import { helperById } from "../../src/bpf/helpers/table.ts";
import { type CoreFunction, FRAME_BYTES, MAX_FRAMES, type RunProgram } from "../../src/bpf/host.ts";
import { createInterpreter, readsKernel } from "../../src/bpf/interpreter/interpreter.ts";
import { disassemble } from "../../src/bpf/isa/disassemble.ts";
import { compileProgram } from "../../src/bpf/jit/compile.ts";
import { instantiateProgram } from "../../src/bpf/jit/instantiate.ts";
import { linkProgram } from "../../src/bpf/link.ts";
import type { LinkedProgram } from "../../src/bpf/linked.ts";
import type { ObjectSpec } from "../../src/bpf/object/spec.ts";
import { programType } from "../../src/bpf/programs/table.ts";
import { CONTEXT, CPU, type FakeHost, fakeHost, RECORD_ROOM, STACK_TOP } from "../../src/bpf/testing.ts";
import { verifyProgram } from "../../src/bpf/verifier/verify.ts";
import { AnyctxError } from "../../src/error.ts";
import { MAPS } from "./object.ts";
import { Random, randomObject, returningNumbers } from "./random-programs.ts";

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

type Host = ReturnType<typeof hostOf>;

function hostOf(random: Random) {
  const host = fakeHost();
  for (const map of MAPS) host.add(map);
  let reserved = 0;
  const reserve: CoreFunction = (_, size) => {
    if (random.below(4) === 0) return 0;
    reserved = (reserved + 1) % 16;
    return Number(size) <= 4096 ? RECORD_ROOM + reserved * 4096 : 0;
  };
  Object.assign(host.core, {
    ringbufReserve: reserve,
    ...{ userRingbufBegin: () => 0, userRingbufPass: () => 0, userRingbufEnd: () => 0 },
    userRingbufNext: () => nextRecord(host, random),
  });
  fill(host, random);
  return { ...host, kernel: { read: () => undefined, readText: () => undefined }, ...MADE_UP };
}

/** Hosts with the same in them: one of each engine, and one for programs that are only interpreted. */
type Hosts = Readonly<Record<"interpreted" | "compiled" | "alone", Host>>;

function hostsOf(random: Random): Hosts {
  const seed = random.below(2 ** 32);
  const host = (): Host => hostOf(new Random(seed));
  return { interpreted: host(), compiled: host(), alone: host() };
}

/** A record that a thread has put in, of a few bytes, or none. */
function nextRecord({ view }: FakeHost, random: Random): number {
  if (random.below(3) === 0) return 0;
  view.setUint32(RECORD_ROOM, random.pick([0, 1, 8, 4000]), true);
  return RECORD_ROOM + 8;
}

/** Entries under a few keys. */
function fill(host: FakeHost, random: Random): void {
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

interface Context {
  readonly bytes: Uint8Array;
  /** Those that a program may touch. */
  readonly own: number;
}

/** A context as its type makes it. */
function someContext(random: Random, { kind }: LinkedProgram, least: number): Context {
  if ("reason" in kind) return { bytes: new Uint8Array(), own: 0 };
  const { context, packet } = programType(kind);
  const bytes = context.access?.bytes(kind.target) ?? least;
  const given =
    packet === undefined
      ? undefined
      : context.direct({ packet: someBytes(random, random.pick([0, 1, 13, 14, 15, 19, 20, 40, 64])) }, kind.target);
  const target = new Uint8Array(given?.bytes ?? bytes);
  if (given === undefined) target.set(someBytes(random, bytes));
  else given.write(target, CONTEXT);
  return { bytes: target, own: given?.own ?? target.length };
}

/** What a run returns, or is stopped with. */
function outcomeOf(run: RunProgram, host: Host, { bytes, own }: Context): bigint | AnyctxError {
  if (bytes.length > 0) host.setContext(bytes);
  // What was never written may be read, as in Linux: compiled it is no memory, and here not what the last program has left.
  host.bytes.fill(0, STACK_TOP - MAX_FRAMES * FRAME_BYTES, STACK_TOP);
  try {
    return BigInt.asUintN(64, run(CONTEXT, CPU, STACK_TOP, own));
  } catch (error) {
    if (error instanceof AnyctxError) return error;
    throw error;
  }
}

/** Memory without the stack, on which compiled programs do not keep what nobody has the address of. */
function withoutStack({ bytes }: Host): readonly Uint8Array[] {
  return [bytes.subarray(0, STACK_TOP - MAX_FRAMES * FRAME_BYTES), bytes.subarray(STACK_TOP)];
}

function sameMemory({ interpreted, compiled }: Hosts): boolean {
  const others = withoutStack(compiled);
  return withoutStack(interpreted).every((part, index) => Buffer.compare(part, others[index] as Uint8Array) === 0);
}

/** Runs a program by both engines on a few inputs. @returns what is wrong, if something is */
function runBoth(
  random: Random,
  hosts: Hosts,
  program: LinkedProgram,
  compiled: LinkedProgram,
  contextBytes: number,
): string | undefined {
  // Compiled programs know no memory outside of the host's.
  const isAlone = readsKernel(program);
  const host = isAlone ? hosts.alone : hosts.interpreted;
  const interpret = createInterpreter(program, host);
  const other = isAlone ? undefined : instantiateProgram(compileProgram(compiled), hosts.compiled);
  for (let round = 0; round < RUNS; round++) {
    const context = someContext(random, program, contextBytes);
    const expected = outcomeOf(interpret, host, context);
    if (expected instanceof AnyctxError) return expected.message;
    const found = other === undefined ? expected : outcomeOf(other, hosts.compiled, context);
    if (found !== expected) return `compiled it gives ${found}, interpreted ${expected}`;
  }
  return isAlone || sameMemory(hosts) ? undefined : "compiled it leaves other things in memory";
}

export interface Outcome {
  readonly offered: number;
  readonly accepted: number;
  readonly runs: number;
  /** What is wrong with an accepted program, with its text. */
  readonly wrong: readonly string[];
}

/** Offers random programs to the verifier until so many were accepted; each of those runs on a few inputs. */
export function runAccepted(seed: number, wanted: number): Outcome {
  const random = new Random(seed);
  const wrong: string[] = [];
  let [offered, accepted] = [0, 0];
  let hosts = hostsOf(random);
  while (accepted < wanted && wrong.length === 0) {
    if (++offered % HOST_PROGRAMS === 0) hosts = hostsOf(random);
    const object = returningNumbers(randomObject(random));
    const linked = tryLink(object, hosts.interpreted);
    if (linked === undefined || asksTooMuch(linked)) continue;
    const found = verifyProgram(linked, { mostInstructions: MOST_INSTRUCTIONS, beliefs: true });
    if (found.verdict !== "accepted") continue;
    const compiled = ++accepted % 2 === 0 ? linked : found.program;
    const problem = runBoth(random, hosts, found.program, compiled, found.contextBytes);
    if (problem !== undefined)
      wrong.push(`program ${offered} of seed ${seed}: ${problem}\n${disassemble(linked.instructions)}`);
  }
  return { offered, accepted, runs: accepted * RUNS, wrong };
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
