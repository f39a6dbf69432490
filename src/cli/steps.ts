/** Steps of `anyctx test`, as a file has them: a list of objects of JSON, each read whole or refused with its number and field. */
import { checkHelperName } from "../bpf/helpers/table.ts";
import { AnyctxError } from "../error.ts";
import { LEVELS, type Level } from "../events/record.ts";
import type { DirectRun } from "../load/direct.ts";
import type { DirectTask } from "../load/moment.ts";
import { clip } from "./text.ts";

/** A map's contents as a step expects them, or as they were found. */
export interface StepMap {
  readonly type?: string;
  /** Keys and values in hex; of a per-CPU kind a list of values. */
  readonly items?: readonly StepItem[];
  /** What programs handed to user space since the last look, in hex. */
  readonly records?: readonly string[];
}

export interface StepItem {
  readonly key: string;
  readonly value: string | readonly string[];
}

export interface Expectation {
  readonly result?: bigint | undefined;
  readonly packet?: string | undefined;
  readonly maps?: Readonly<Record<string, StepMap>> | undefined;
  /** The run is to be stopped, by an error that has this text in it. */
  readonly error?: string | undefined;
}

/** A key, and its value or, of a map of maps, the name of the object's map that is put in. */
export interface PutEntry {
  readonly key: Uint8Array;
  readonly value: Uint8Array | string;
}

export interface Step {
  /** What is run; undefined: time passes, or maps are looked at. */
  readonly run: DirectRun | undefined;
  /** How often, on what the runs before have left; `expect` is of the last one. */
  readonly times: number;
  /** Entries that are put into maps before, by the map's name. */
  readonly put: Readonly<Record<string, readonly PutEntry[]>>;
  readonly advance: bigint | undefined;
  readonly set: Readonly<Record<string, string | number | boolean>>;
  /** Programs that are put into maps of programs: by the map's name, and the index. */
  readonly programs: readonly { readonly map: string; readonly index: number; readonly program: string }[];
  readonly dump: boolean;
  readonly expect: Expectation | undefined;
}

/** Characters of what was given instead. */
const SHOWN = 60;

type Fields = Readonly<Record<string, unknown>>;
/** Reads a field; `where` is what a message begins with. */
type Read<T> = (value: unknown, where: string) => T;

function refuse(where: string, wanted: string, value: unknown): never {
  const given = value === undefined ? "left out" : clip(JSON.stringify(value), SHOWN);
  throw new AnyctxError("EINVAL", `${where} should be ${wanted}, not ${given}`);
}

const text: Read<string> = (value, where) => (typeof value === "string" ? value : refuse(where, "a text", value));

const truth: Read<boolean> = (value, where) =>
  typeof value === "boolean" ? value : refuse(where, "true or false", value);

const whole: Read<number> = (value, where) =>
  Number.isSafeInteger(value) ? (value as number) : refuse(where, "a whole number", value);

/** A number, or the text of one: JSON's own numbers end at 2^53. */
const integer: Read<bigint> = (value, where) => {
  const isNumber = typeof value === "number" && Number.isSafeInteger(value);
  const isText = typeof value === "string" && /^(-?\d+|0x[0-9a-fA-F]+)$/.test(value);
  if (!isNumber && !isText) return refuse(where, "a whole number or the text of one", value);
  const number = BigInt(value);
  return number >> 64n === 0n || number >> 63n === -1n ? number : refuse(where, "a number of 64 bits", value);
};

const hexBytes: Read<Uint8Array> = (value, where) => {
  if (typeof value !== "string" || !/^([0-9a-fA-F]{2})*$/.test(value)) return refuse(where, "bytes in hex", value);
  return Uint8Array.from(value.match(/../g) ?? [], (digits) => Number.parseInt(digits, 16));
};

const hexText: Read<string> = (value, where) => {
  hexBytes(value, where);
  return (value as string).toLowerCase();
};

/** An object with fields of any names. */
const anyFields: Read<Fields> = (value, where) => {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return refuse(where, "an object", value);
  return value as Fields;
};

function fieldsOf(given: unknown, where: string, known: readonly string[]): Fields {
  const value = anyFields(given, where);
  const unknown = Object.keys(value).find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new AnyctxError("EINVAL", `${where} has no field ${unknown}, only ${known.join(", ")}`);
  return value;
}

function optional<T>(fields: Fields, name: string, where: string, read: Read<T>): T | undefined {
  const value = fields[name];
  return value === undefined ? undefined : read(value, `${where}: ${name}`);
}

function listOf<T>(read: Read<T>): Read<T[]> {
  return (value, where) => {
    if (!Array.isArray(value)) return refuse(where, "a list", value);
    return value.map((each, index) => read(each, `${where} ${index + 1}`));
  };
}

const memory: Read<ReadonlyMap<bigint, Uint8Array>> = (value, where) => {
  return new Map(
    Object.entries(anyFields(value, where)).map(([address, bytes]) => [
      BigInt.asUintN(64, integer(address, where)),
      hexBytes(bytes, `${where} at ${address}`),
    ]),
  );
};

/** What helpers answer: r0 by name. */
const answers: Read<ReadonlyMap<string, bigint>> = (value, where) =>
  new Map(
    Object.entries(anyFields(value, where)).map(([name, answer]) => {
      checkHelperName(name, where);
      return [name, integer(answer, `${where} ${name}`)];
    }),
  );

const places: Read<Step["programs"]> = (value, where) =>
  Object.entries(anyFields(value, where)).flatMap(([map, indexes]) =>
    Object.entries(anyFields(indexes, `${where} ${map}`)).map(([index, program]) => ({
      ...{ map, index: Number(integer(index, `${where} ${map}`)) },
      program: text(program, `${where} ${map} ${index}`),
    })),
  );

/** Numbers, texts, and lists of numbers: which of them a field is, its event says. */
const eventFields: Read<NonNullable<DirectRun["fields"]>> = (value, where) =>
  Object.fromEntries(
    Object.entries(anyFields(value, where)).map(([name, each]) => {
      const at = `${where} ${name}`;
      if (Array.isArray(each)) return [name, listOf(integer)(each, at)];
      return [name, typeof each === "string" ? each : whole(each, at)];
    }),
  );

const level: Read<Level> = (value, where) =>
  LEVELS.find((name) => name === value) ?? refuse(where, LEVELS.join(", "), value);

const task: Read<DirectTask> = (value, where) => {
  const fields = fieldsOf(value, where, ["pid", "tgid", "comm", "uid", "gid"]);
  const numbers = (["pid", "tgid", "uid", "gid"] as const).flatMap((name) => {
    const number = optional(fields, name, where, whole);
    return number === undefined ? [] : [[name, number] as const];
  });
  const comm = optional(fields, "comm", where, text);
  return { ...Object.fromEntries(numbers), ...(comm === undefined ? {} : { comm }) };
};

const item: Read<StepItem> = (value, where) => {
  const fields = fieldsOf(value, where, ["key", "value"]);
  const key = hexText(fields["key"], `${where}: key`);
  const given = fields["value"];
  const read = Array.isArray(given) ? listOf(hexText) : hexText;
  return { key, value: read(given, `${where}: value`) };
};

const stepMap: Read<StepMap> = (value, where) => {
  const fields = fieldsOf(value, where, ["type", "items", "records"]);
  const records = optional(fields, "records", where, listOf(hexText));
  const type = optional(fields, "type", where, text);
  const items = optional(fields, "items", where, listOf(item));
  return {
    ...(type === undefined ? {} : { type }),
    ...(items === undefined ? {} : { items }),
    ...(records === undefined ? {} : { records }),
  };
};

const expectation: Read<Expectation> = (value, where) => {
  const fields = fieldsOf(value, where, ["result", "packet", "maps", "error"]);
  const maps = optional(fields, "maps", where, (given, at) =>
    Object.fromEntries(
      Object.entries(anyFields(given, at)).map(([name, map]) => [name, stepMap(map, `${at} ${name}`)]),
    ),
  );
  return {
    result: optional(fields, "result", where, integer),
    packet: optional(fields, "packet", where, hexText),
    error: optional(fields, "error", where, text),
    maps,
  };
};

const RUN_FIELDS = [
  "program",
  "packet",
  "context",
  "args",
  "registers",
  "fields",
  "memory",
  "return",
  "cpu",
  "time",
  "task",
  "level",
  "helpers",
];
const OTHER_FIELDS = ["times", "put", "advance", "set", "programs", "dump", "expect"];
const MOST_TIMES = 1_000_000;

const times: Read<number> = (value, where) => {
  const number = whole(value, where);
  return number >= 1 && number <= MOST_TIMES ? number : refuse(where, `a number from 1 to ${MOST_TIMES}`, value);
};

const entry: Read<PutEntry> = (value, where) => {
  const fields = fieldsOf(value, where, ["key", "value", "map"]);
  const map = optional(fields, "map", where, text);
  if (map !== undefined && fields["value"] !== undefined)
    throw new AnyctxError("EINVAL", `${where} has a value and a map, of which an entry has one`);
  return {
    key: hexBytes(fields["key"], `${where}: key`),
    value: map ?? hexBytes(fields["value"], `${where}: value`),
  };
};

const put: Read<Step["put"]> = (value, where) =>
  Object.fromEntries(
    Object.entries(fieldsOf(value, where, Object.keys(value ?? {}))).map(([name, entries]) => [
      name,
      listOf(entry)(entries, `${where} ${name}`),
    ]),
  );

function runOf(fields: Fields, where: string): DirectRun | undefined {
  const program = optional(fields, "program", where, text);
  if (program === undefined) {
    const lost = [...RUN_FIELDS, "times"].find((name) => fields[name] !== undefined);
    if (lost !== undefined) throw new AnyctxError("EINVAL", `${where} has ${lost} and no program that it is for`);
    return undefined;
  }
  return {
    program,
    packet: optional(fields, "packet", where, hexBytes),
    context: optional(fields, "context", where, hexBytes),
    args: optional(fields, "args", where, listOf(integer)),
    registers: optional(fields, "registers", where, hexBytes),
    fields: optional(fields, "fields", where, eventFields),
    memory: optional(fields, "memory", where, memory),
    returned: optional(fields, "return", where, integer),
    cpu: optional(fields, "cpu", where, whole),
    time: optional(fields, "time", where, integer),
    task: optional(fields, "task", where, task),
    level: optional(fields, "level", where, level),
    helpers: optional(fields, "helpers", where, answers),
  };
}

function stepOf(value: unknown, where: string): Step {
  const fields = fieldsOf(value, where, [...RUN_FIELDS, ...OTHER_FIELDS]);
  const set = optional(fields, "set", where, anyFields);
  for (const [name, each] of Object.entries(set ?? {}))
    if (!["string", "number", "boolean"].includes(typeof each)) refuse(`${where}: set ${name}`, "a number", each);
  return {
    run: runOf(fields, where),
    times: optional(fields, "times", where, times) ?? 1,
    put: optional(fields, "put", where, put) ?? {},
    advance: optional(fields, "advance", where, integer),
    set: (set ?? {}) as Step["set"],
    programs: optional(fields, "programs", where, places) ?? [],
    dump: optional(fields, "dump", where, truth) ?? false,
    expect: optional(fields, "expect", where, expectation),
  };
}

/**
 * @param source the file's text
 * @param name the file's, for messages
 * @throws {AnyctxError} EINVAL: it is no list of steps; which step and field is said
 */
export function readSteps(source: string, name: string): Step[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(source);
  } catch (cause) {
    throw new AnyctxError("EINVAL", `${name} is no JSON: ${cause instanceof Error ? cause.message : ""}`, { cause });
  }
  const isObject = typeof parsed === "object" && parsed !== null && "steps" in parsed;
  const steps = isObject ? fieldsOf(parsed, name, ["steps"])["steps"] : parsed;
  if (!Array.isArray(steps))
    throw new AnyctxError("EINVAL", `${name} should be a list of steps, or an object with steps`);
  return steps.map((step, index) => stepOf(step, `${name}: step ${index + 1}`));
}
