/**
 * Two recordings of Linux 6.18's allocator, replayed through the public map API. Steps: the successes and errors of
 * random inserts, updates and deletes. States: after each operation also the free count and the length of every list.
 *
 * No grace period ends within a recorded run, so a reader on another CPU holds them up here too.
 */
import { Arena, type Profile } from "../../src/arena/arena.ts";
import { type CacheStatistics, cacheStatistics } from "../../src/arena/statistics.ts";
import { bytes, u32 } from "../../src/maps/codec/codec.ts";
import { ANY, type ArenaMap, EXIST, NOEXIST } from "../../src/maps/map.ts";

export interface GoldenResult {
  readonly match: number;
  /** One line a row that differs. */
  readonly differences: readonly string[];
  /**
   * Rows of a step recording that break the one rule behind every -ENOMEM, in each profile: with interrupts on there is
   * none; with interrupts off inserts succeed exactly as long as the caches of this CPU have objects.
   */
  readonly unexplained: readonly string[];
}

type Row = Readonly<Record<string, string>>;
type Value = Uint8Array | Uint8Array[];

/** Rows of tab-separated text whose column names stand in the first comment or in the first line. */
function parse(text: string): { columns: readonly string[]; rows: Row[] } {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const data = lines.filter((line) => !line.startsWith("#"));
  const commented = lines[0]?.match(/^# (map\t.*?)(?:\s{2,}|$)/)?.[1];
  const columns = (commented ?? data.shift() ?? "").split("\t");
  const rows = data.map((line, index) => {
    const cells = line.split("\t");
    if (cells.length !== columns.length)
      throw new Error(`row ${index + 1} has ${cells.length} cells, not ${columns.length}`);
    return Object.fromEntries(columns.map((name, column) => [name, cells[column] ?? ""]));
  });
  return { columns, rows };
}

function groupBy(rows: readonly Row[], columns: readonly string[]): Row[][] {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const key = columns.map((name) => row[name]).join(" ");
    const group = groups.get(key) ?? [];
    group.push(row);
    groups.set(key, group);
  }
  return [...groups.values()];
}

/** A key that no recording has. */
const ABSENT = 2 ** 32 - 1;

interface Machine {
  readonly arena: Arena;
  readonly map: ArenaMap<number, Value>;
  readonly value: Value;
}

async function makeMachine(profile: Profile, type: "hash" | "percpu_hash", valueSize: number): Promise<Machine> {
  const arena = await Arena.create({ cpus: 2, maximumBytes: 256 << 20, profile, seed: 1 });
  const codec = bytes(valueSize);
  const map: ArenaMap<number, Value> =
    type === "hash"
      ? arena.createMap({ type, name: "golden", key: u32, value: codec, maxEntries: 4096 })
      : arena.createMap({ type, name: "golden", key: u32, value: codec, maxEntries: 4096 });
  const one = new Uint8Array(valueSize);
  arena.takeCpu(1);
  arena.core.readEnter();
  arena.switchCpu(0);
  return { arena, map, value: type === "hash" ? one : [one, one] };
}

function withInterrupts(arena: Arena, off: boolean, run: () => void): void {
  arena.core.contextSet(0, off ? 1 : 0);
  run();
  arena.core.contextSet(0, 0);
  arena.core.interruptsCameOn();
}

/** One random script of the state recording: operations one by one, with interrupts off for all of it or none. */
async function compareStates(rows: readonly Row[], profile: Profile): Promise<Comparison> {
  const { arena, map, value } = await makeMachine(profile, "hash", 8);
  const differences: string[] = [];
  const perform: Readonly<Record<string, (key: number) => number>> = {
    U: (key) => map.update(key, value, NOEXIST),
    O: (key) => map.update(key, value, ANY),
    D: (key) => (map.delete(key) ? 0 : -2),
  };
  withInterrupts(arena, rows[0]?.["irq"] === "off", () => {
    for (const row of rows) {
      const rc = perform[row["op"] ?? ""]?.(Number(row["key"]));
      const got = stateOf(
        rc,
        cacheStatistics(arena, map.info).find((cache) => cache.cpu === 0),
      );
      const want = ["rc", "free_cnt", "free", "extra", "by_rcu", "waiting", "in_flight"].map((name) =>
        Number(row[name]),
      );
      if (got.join() === want.join()) continue;
      const what = `seed ${row["seed"]} irq ${row["irq"]} step ${row["step"]} ${row["op"]} ${row["key"]}`;
      differences.push(`${what}: ${got} instead of ${want}`);
    }
  });
  return { differences, unexplained: [] };
}

function stateOf(rc: number | undefined, cache: CacheStatistics | undefined): (number | undefined)[] {
  if (cache === undefined) return [rc];
  const { free, extra, trimmed, waiting, inFlight } = cache;
  return [rc, free, free, extra, trimmed, waiting - trimmed, inFlight ? 1 : 0];
}

/** One map of the step recording: n inserts of new keys, updates or deletes of live ones, at a time. */
async function compareSteps(rows: readonly Row[], profile: Profile): Promise<Comparison> {
  const first = rows[0] ?? {};
  const type = first["map"] === "HASH" ? "hash" : "percpu_hash";
  const { arena, map, value } = await makeMachine(profile, type, Number(first["value_size"]));
  const live: number[] = [];
  let next = 0;
  const perform: Readonly<Record<string, (index: number) => number>> = {
    ins: () => {
      const rc = map.update(next, value, NOEXIST);
      if (rc === 0) live.push(next);
      next++;
      return rc;
    },
    upd: (index) => map.update(live[index] ?? ABSENT, value, EXIST),
    del: () => (map.delete(live.shift() ?? ABSENT) ? 0 : -2),
  };
  const differences: string[] = [];
  const unexplained: string[] = [];
  for (const row of rows) {
    let ok = 0;
    let errno = 0;
    const count = Number(row["n"]);
    const own = cacheStatistics(arena, map.info).filter(({ cpu }) => cpu === 0);
    // In profile linux a key needs an element and a value, in anyctx an element has its value with it.
    const needed = own.filter(({ objects }) => profile === "linux" || objects === "elements");
    const cached = Math.min(...needed.map(({ free }) => free));
    withInterrupts(arena, row["irq"] === "off", () => {
      for (let index = 0; index < count; index++) {
        const rc = perform[row["op"] ?? ""]?.(index) ?? -22;
        if (rc === 0) ok++;
        else errno = rc;
      }
    });
    const got = [ok, count - ok, errno];
    const want = [row["ok"], row["fail"], row["errno"]].map(Number);
    const what = `${row["map"]} ${row["value_size"]} seed ${row["seed"]} step ${row["step"]} ${row["op"]} irq ${row["irq"]}`;
    if (got.join() !== want.join()) differences.push(`${what} n ${count}: ok, fail, errno ${got} instead of ${want}`);
    const allowed = row["irq"] === "off" && row["op"] === "ins" ? Math.min(count, cached) : count;
    if (errno !== -2 && ok !== allowed) unexplained.push(`${what} n ${count}: ${ok} succeeded with ${cached} cached`);
  }
  return { differences, unexplained };
}

interface Comparison {
  readonly differences: string[];
  readonly unexplained: string[];
}

interface Recording {
  /** A column that only this format has. */
  readonly column: string;
  readonly groups: readonly string[];
  readonly compare: (rows: readonly Row[], profile: Profile) => Promise<Comparison>;
}

const RECORDINGS: readonly Recording[] = [
  { column: "free_cnt", groups: ["seed", "irq"], compare: compareStates },
  { column: "value_size", groups: ["map", "value_size", "seed"], compare: compareSteps },
];

/**
 * Compares a recording row by row.
 * @throws when the text is none of the known recordings
 */
export async function compareGolden(text: string, profile: Profile): Promise<GoldenResult> {
  const { columns, rows } = parse(text);
  const recording = RECORDINGS.find(({ column }) => columns.includes(column));
  if (recording === undefined || rows.length === 0) throw new Error("no recording of a known format");
  const differences: string[] = [];
  const unexplained: string[] = [];
  for (const group of groupBy(rows, recording.groups)) {
    const compared = await recording.compare(group, profile);
    differences.push(...compared.differences);
    unexplained.push(...compared.unexplained);
  }
  return { match: rows.length - differences.length, differences, unexplained };
}
