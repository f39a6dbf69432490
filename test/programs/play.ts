/** A case, played here: its program in an arena of its own. */
import { readFile } from "node:fs/promises";
import { Arena } from "../../src/arena/arena.ts";
import type { BtfValue } from "../../src/bpf/object/btf.ts";
import type { RunInput } from "../../src/load/run-input.ts";
import { type BpfObject, loadObject } from "../../src/load/typed-object.ts";
import type { Answer, Entries, ProgramCase, Run } from "./case.ts";
import type { ByLinux } from "./recorded.ts";

export const FOLDER = "test/programs";
const ARENA_BYTES = 64 << 20;
/** Of `struct __sk_buff`. */
const MARK_AT = 8;

export interface Played {
  readonly answers: readonly (Answer & { readonly error?: string })[];
  readonly maps: Readonly<Record<string, Entries>>;
  readonly variables: Readonly<Record<string, BtfValue>>;
  /** Entries as bytes in hex, sorted: of maps that are one for all CPUs. */
  readonly bytes: ByteMaps;
  /** The same of what was put into maps first. */
  readonly put: ByteMaps;
}

type ByteMaps = ByLinux["maps"];

/** The context of a run on a packet, as far as it is given. */
export function contextOf({ raw, mark }: Run): Uint8Array | undefined {
  if (mark === undefined) return raw;
  const context = new Uint8Array(MARK_AT + 4);
  new DataView(context.buffer).setUint32(MARK_AT, mark, true);
  return context;
}

function inputOf(run: Run): RunInput {
  const { packet, args, cpu, time } = run;
  const raw = contextOf(run);
  return {
    ...(packet !== undefined && { packet }),
    ...(raw !== undefined && { raw }),
    ...(args !== undefined && { args }),
    ...(cpu !== undefined && { cpu }),
    ...(time !== undefined && { time }),
  };
}

function answer(object: BpfObject, own: string, run: Run): Answer & { readonly error?: string } {
  if (run.advance !== undefined) object.advance(run.advance);
  const program = object.programs[run.program ?? own];
  if (program === undefined) throw new Error(`there is no program ${run.program ?? own}`);
  const { result, packet, error } = program.run(inputOf(run));
  if (error !== undefined) return { result: 0, error };
  const isOther = packet !== undefined && run.packet !== undefined && !Buffer.from(packet).equals(run.packet);
  return { result: Number(BigInt.asIntN(32, result ?? 0n)), ...(isOther && { packet }) };
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const sumOf = (value: BtfValue): BtfValue =>
  Array.isArray(value) ? (value as bigint[]).reduce((sum, each) => sum + each, 0n) : value;

/** What a case's maps have, those that are named. */
function entriesOf(object: BpfObject, names: readonly string[]): Record<string, Entries> {
  const entries = names.map((name): [string, Entries] => {
    const map = object.maps[name];
    if (map === undefined) throw new Error(`there is no map ${name}`);
    const each = [...map].map(([key, value]): [BtfValue, BtfValue] => [
      key,
      map.info.copies > 1 ? sumOf(value) : value,
    ]);
    return [name, each];
  });
  return Object.fromEntries(entries);
}

function bytesOf(object: BpfObject, names: readonly string[]): ByteMaps {
  const own = names.filter((name) => object.maps[name]?.info.copies === 1);
  const entries = own.map((name): [string, [string, string][]] => {
    const dumped = Array.from(object.maps[name]?.dump() ?? [], ({ key, values: [value] }): [string, string] => [
      hex(key),
      hex(value ?? new Uint8Array(0)),
    ]);
    return [name, dumped.sort(([a], [b]) => (a < b ? -1 : 1))];
  });
  return Object.fromEntries(entries);
}

export async function play(given: ProgramCase): Promise<Played> {
  const { object: name, program, globals = {}, put = {}, runs, maps = {}, variables = {} } = given;
  const arena = await Arena.create({ maximumBytes: ARENA_BYTES, cpus: 2, seed: 1 });
  try {
    const object = await loadObject(arena, await readFile(`${FOLDER}/${name}.bpf.o`), { name, globals });
    for (const [map, entries] of Object.entries(put))
      for (const [key, value] of entries) object.maps[map]?.set(key, value);
    const before = bytesOf(object, Object.keys(put));
    return {
      put: before,
      answers: runs.map((run) => answer(object, program, run)),
      maps: entriesOf(object, Object.keys(maps)),
      bytes: bytesOf(object, [...Object.keys(maps), ...Object.keys(put)]),
      variables: Object.fromEntries(
        Object.keys(variables).map((each): [string, BtfValue] => [each, object.globals[each] as BtfValue]),
      ),
    };
  } finally {
    arena.detach();
  }
}
