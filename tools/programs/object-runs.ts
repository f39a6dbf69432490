/**
 * Debian's libbpf-tools on recordings: what each tool's own loader says before its programs run, and what comes of them here.
 * `npm run objects -- --runs`; the table of docs/events.md is made of it.
 */
import { Arena } from "../../src/arena/arena.ts";
import { choosePrograms, retarget } from "../../src/bpf/object/choose.ts";
import { relocateTypes } from "../../src/bpf/object/core-relocate.ts";
import { relocateEventFields } from "../../src/bpf/object/event-fields.ts";
import { readObject } from "../../src/bpf/object/object.ts";
import { type MapSpec, type ObjectSpec, setVariable } from "../../src/bpf/object/spec.ts";
import { UNPACKERS } from "../../src/cli/unpackers.ts";
import { AnyctxError } from "../../src/error.ts";
import { openEvents } from "../../src/events/file.ts";
import type { EventStream } from "../../src/events/source.ts";
import { loadSpec } from "../../src/load/load.ts";
import { DEFAULT_RULE } from "../../src/replay/interrupts.ts";
import { replay } from "../../src/replay/ordered.ts";
import { makeReport, type Report } from "../../src/replay/report.ts";

/**
 * `events`, `sockets`: tracepoints that Linux 6.18 recorded; `samples`: a clock and two counters that it sampled; `functions`: probes and a
 * function tracer's lines, as its documents say they are printed.
 */
const RECORDINGS = {
  events: "test/data/events/tools-6.18.trace.gz",
  sockets: "test/data/events/sockets.perf.data.gz",
  samples: "test/data/events/clocks.perf.data.gz",
  functions: "test/data/events/functions.trace",
} as const;

/** What a tool's loader does. */
interface Loader {
  readonly on?: keyof typeof RECORDINGS;
  /** Programs that it loads: of those for older and newer kernels one kind. */
  readonly programs?: RegExp;
  readonly attach?: Readonly<Record<string, string>>;
  readonly set?: Readonly<Record<string, string>>;
  /** Arrays of u32 that it fills with what it finds on the machine. */
  readonly fill?: Readonly<Record<string, readonly number[]>>;
  /** max_entries of maps. */
  readonly entries?: Readonly<Record<string, number>>;
  /** Why nothing comes of it. */
  readonly remark?: string;
  /** Why there is nothing to run it on. */
  readonly not?: string;
}

const STACKS = { stackmap: 1024 };

/** Functions of a file system that tools of files look at. */
function fileFunctions(system: string): Readonly<Record<string, string>> {
  const calls = {
    file_read: `${system}_file_read_iter`,
    file_write: `${system}_file_write_iter`,
    file_open: `${system}_file_open`,
    file_sync: `${system}_sync_file`,
    getattr: `${system}_file_getattr`,
  };
  return Object.fromEntries(
    Object.entries(calls).flatMap(([name, call]) => ["entry", "exit"].map((end) => [`${name}_${end}`, call])),
  );
}

/** They name their functions when they attach; those of ext4 stand for all. */
const FILES: Loader = {
  on: "functions",
  programs: /_(entry|exit)$/,
  attach: fileFunctions("ext4"),
  set: { min_lat_ns: "0" },
};
const FUNCTIONS: Loader = { on: "functions" };
const KPROBES: Loader = { on: "functions", programs: /kprobe|^tcp_(v4|v6|rcv)|^inet/ };
const TYPED: Loader = { programs: /_btf$|^sched_/ };

const LOADERS: Readonly<Record<string, Loader>> = {
  bashreadline: { on: "functions" },
  bindsnoop: FUNCTIONS,
  biolatency: { programs: /_btf$/ },
  biostacks: FUNCTIONS,
  biotop: {
    on: "functions",
    attach: { blk_account_io_start: "blk_account_io_start", blk_account_io_done: "blk_account_io_done" },
  },
  biosnoop: {},
  ...Object.fromEntries(
    ["btrfs", "ext4", "nfs", "xfs", "fs"].flatMap((system) => [
      [`${system}dist`, FILES],
      [`${system}slower`, FILES],
    ]),
  ),
  cachestat: FUNCTIONS,
  capable: { on: "functions", entries: STACKS },
  cpudist: { programs: /_btf$/, entries: { start: 10240, hists: 10240 } },
  cpufreq: { on: "samples", attach: { do_sample: "cpu-clock" }, fill: { freqs_mhz: [2400, 2400] } },
  drsnoop: FUNCTIONS,
  filelife: FUNCTIONS,
  filetop: FUNCTIONS,
  funclatency: { on: "functions", attach: { dummy_kprobe: "vfs_read", dummy_kretprobe: "vfs_read" } },
  gethostlatency: { on: "functions", attach: { handle_entry: "getaddrinfo", handle_return: "getaddrinfo" } },
  hardirqs: { programs: /_btf$/ },
  javagc: { not: "user-space markers (usdt) with their places of arguments are in no recording" },
  klockstat: {
    on: "functions",
    programs: /^(?!kprobe)/,
    remark: "what it counts by is a stack, and recordings of functions have none",
  },
  ksnoop: { not: "its user space says by address which members of which arguments to take" },
  llcstat: {
    on: "samples",
    attach: { on_cache_miss: "page-faults", on_cache_ref: "context-switches" },
    remark: "counters of the kernel's stand for the processor's, which the machine does not have",
  },
  mdflush: FUNCTIONS,
  numamove: FUNCTIONS,
  offcputime: { entries: STACKS },
  oomkill: FUNCTIONS,
  readahead: FUNCTIONS,
  runqlat: TYPED,
  runqlen: { on: "samples", attach: { do_sample: "cpu-clock" } },
  runqslower: { ...TYPED, set: { min_us: "10" } },
  slabratetop: FUNCTIONS,
  softirqs: { programs: /_btf$/ },
  solisten: { on: "functions", programs: /fexit/ },
  tcpconnect: FUNCTIONS,
  tcpconnlat: { on: "functions", programs: /^fentry/ },
  tcprtt: { on: "functions", programs: /kprobe/ },
  tcpstates: { on: "sockets" },
  tcpsynbl: KPROBES,
  tcptop: FUNCTIONS,
  tcptracer: FUNCTIONS,
  vfsstat: { on: "functions", programs: /^fentry/ },
  wakeuptime: { entries: STACKS },
};

/** What came of a tool. */
export interface ToolRun {
  readonly tool: string;
  /** The recording that it ran on. */
  readonly on?: string;
  readonly runs: number;
  readonly errors: number;
  /** Entries, records, and variables that are not what they were. */
  readonly results: number;
  /** What it read that nobody tells, or why it did not run. */
  readonly remark: string;
}

const STACK_BYTES = 127 * 8;

function prepared(name: string, bytes: Uint8Array, stream: EventStream, loader: Loader): ObjectSpec {
  const { programs = /./, attach = {}, set = {}, fill = {} } = loader;
  const own = readObject(bytes, name);
  const wanted = own.programs.filter((program) => programs.test(program.name)).map((program) => program.name);
  const targets = Object.entries(attach).filter(([program]) => wanted.includes(program));
  const chosen = choosePrograms(retarget(own, new Map(targets)), wanted);
  const object = relocateEventFields(relocateTypes(chosen).object, stream.events);
  const variables = object.maps.flatMap((map) => map.variables ?? []).map((variable) => variable.name);
  for (const [variable, value] of Object.entries(set))
    if (variables.includes(variable)) setVariable(object, variable, value);
  for (const [variable, values] of Object.entries(fill)) fillArray(object, variable, values);
  return object;
}

function fillArray(object: ObjectSpec, name: string, values: readonly number[]): void {
  for (const { contents, variables = [] } of object.maps) {
    const at = variables.find((variable) => variable.name === name)?.offset;
    if (contents === undefined || at === undefined) continue;
    const view = new DataView(contents.buffer, contents.byteOffset, contents.length);
    for (const [index, value] of values.entries()) view.setUint32(at + index * 4, value, true);
  }
}

/** Bytes of a data section that programs have changed. */
const hasChanged = (spec: MapSpec, now: Uint8Array): boolean =>
  now.some((byte, index) => byte !== (spec.contents?.[index] ?? 0));

async function play(
  object: ObjectSpec,
  stream: EventStream,
  { entries = {} }: Loader,
): Promise<Pick<Report, "programs"> & { readonly results: number }> {
  const arena = await Arena.create({ cpus: 8, maximumBytes: 2 ** 31, seed: 1 });
  const stacks = object.maps
    .filter(({ name }) => /^stack_?map$/.test(name))
    .map(({ name }) => [name, STACK_BYTES] as const);
  const loaded = loadSpec(arena, object, {
    verify: true,
    mapEntries: new Map(Object.entries(entries)),
    valueSizes: new Map(stacks),
  });
  const before = new Map(loaded.maps.map(({ spec, map }) => [spec.name, map.info.kind.walk ? map.size : 0]));
  const nothing = (): void => undefined;
  const result = await replay(arena, loaded.programs, stream, DEFAULT_RULE, nothing, nothing);
  const report = makeReport({ arena, loaded, stream, result, rule: DEFAULT_RULE, dump: false });
  const changed = loaded.maps.filter(
    ({ spec, map }) =>
      spec.contents !== undefined && !spec.readOnly && hasChanged(spec, map.get(new Uint8Array(4)) as Uint8Array),
  ).length;
  const kept = report.maps
    .filter(({ name }) => !name.startsWith("."))
    .map(({ name, entries: count, records = 0 }) => count - (before.get(name) ?? 0) + records);
  const unread = loaded.maps
    .filter(({ map }) => map.info.kind.type === "ringbuf")
    .map(({ map }) => (arena.core.ringbufQuery(map.info.address, 0) === 0n ? 0 : 1));
  arena.detach();
  return { programs: report.programs, results: [...kept, ...unread].reduce((sum, count) => sum + count, changed) };
}

/** Runs a tool. @param bytes of its object */
export async function runTool(tool: string, bytes: Uint8Array): Promise<ToolRun> {
  const loader = LOADERS[tool] ?? {};
  const nothing = { tool, runs: 0, errors: 0, results: 0 };
  if (loader.not !== undefined) return { ...nothing, remark: loader.not };
  const on = loader.on ?? "events";
  try {
    const stream = await openEvents(RECORDINGS[on], { unpackers: UNPACKERS });
    const { programs, results } = await play(prepared(tool, bytes, stream, loader), stream, loader);
    const sum = (of: "runs" | "errors"): number => programs.reduce((total, program) => total + program[of], 0);
    const unread = new Set(programs.flatMap(({ unreadFields }) => Object.keys(unreadFields)));
    const firstError = programs.find(({ firstError: first }) => first !== undefined)?.firstError ?? "";
    const remark = unread.size > 0 ? `not recorded: ${[...unread].join(", ")}` : (loader.remark ?? firstError);
    return { tool, on, runs: sum("runs"), errors: sum("errors"), results, remark };
  } catch (error) {
    if (!(error instanceof AnyctxError)) throw error;
    return { ...nothing, on, remark: error.message };
  }
}

/** A table for people. */
export function runsTable(rows: readonly ToolRun[]): string {
  const lines = rows.map(
    ({ tool, on = "", runs, errors, results, remark }) =>
      `| ${tool} | ${on} | ${runs} | ${errors} | ${results} | ${remark} |`,
  );
  const head = ["| tool | on | runs | of them with an error | results | |", "|---|---|---|---|---|---|"];
  return [...head, ...lines].join("\n");
}
