/** The same events twice: as the kernel prints them and as it records them. Each field has to be equal, or named as not told. */
import { type EventField, unreadFields } from "../../src/events/event.ts";
import { type Taken, takeApart } from "../../src/events/ftrace/testing.ts";
import { readTrace, type Trace } from "../../src/events/ftrace/text.ts";
import type { FormatTable, FtraceFormat } from "../../src/events/tracepoints/format.ts";

/** An event in binary, from `common_type` on. */
export interface Entry {
  readonly cpu: number;
  readonly bytes: Uint8Array;
}

export interface Comparison {
  readonly trace: Trace;
  readonly records: number;
  /** Kinds of events that were compared. */
  readonly kinds: ReadonlySet<string>;
  /** Fields that were equal, in all records. */
  readonly equal: number;
  /** Records without an entry, and fields that are neither equal nor named; a sentence each. */
  readonly wrong: readonly string[];
  /** `event.field` that were named as not told, with how often. */
  readonly unread: ReadonlyMap<string, number>;
}

/**
 * @param text a whole `trace` file
 * @param entries of each CPU in order; those that have no line (stacks) may stand between them
 */
export async function compare(text: Uint8Array, entries: readonly Entry[], formats: FormatTable): Promise<Comparison> {
  const trace = readTrace(
    {
      bytes: (async function* () {
        yield text;
      })(),
      name: "the text",
    },
    { formats },
  );
  const byId = new Map(formats.map((format) => [format.id, format]));
  const rows = new Map<number, Entry[]>();
  for (const entry of entries) {
    const row = rows.get(entry.cpu) ?? [];
    rows.set(entry.cpu, row);
    row.push(entry);
  }
  const state = {
    records: 0,
    kinds: new Set<string>(),
    equal: 0,
    wrong: [] as string[],
    unread: new Map<string, number>(),
  };
  const symbols = new Map<bigint, bigint>();
  const next = new Map<number, number>();
  for await (const batch of trace.batches)
    for (const record of takeApart(batch, trace)) {
      state.records++;
      const { cpu, event } = record;
      const row = rows.get(cpu) ?? [];
      let at = next.get(cpu) ?? 0;
      while (at < row.length && nameOf(byId, row[at] as Entry) !== event) at++;
      const entry = row[at];
      next.set(cpu, at + 1);
      const format = byId.get(idOf(entry));
      if (entry === undefined || format === undefined) {
        state.wrong.push(`${event} on CPU ${cpu}: no entry`);
        continue;
      }
      state.kinds.add(event);
      compareFields(format, entry, record, { ...state, symbols, count: () => state.equal++ });
    }
  return { trace, ...state };
}

const idOf = (entry: Entry | undefined): number =>
  entry === undefined ? -1 : (entry.bytes[0] as number) | ((entry.bytes[1] as number) << 8);

const nameOf = (byId: ReadonlyMap<number, FtraceFormat>, entry: Entry): string | undefined =>
  byId.get(idOf(entry))?.name;

interface State {
  readonly wrong: string[];
  readonly unread: Map<string, number>;
  /** Numbers that the text gives to addresses: one each. */
  readonly symbols: Map<bigint, bigint>;
  readonly count: () => void;
}

function compareFields(format: FtraceFormat, entry: Entry, record: Taken, state: State): void {
  const view = new DataView(entry.bytes.buffer, entry.bytes.byteOffset, entry.bytes.length);
  const unread = unreadFields(format.fields, record.unread);
  for (const field of format.fields) {
    const name = `${format.name}.${field.name}`;
    if (unread.includes(field)) state.unread.set(name, (state.unread.get(name) ?? 0) + 1);
    else if (isEqual(field, view, record.payload, state.symbols)) state.count();
    else state.wrong.push(`${name}: ${shown(field, record.payload)} in the text, ${shown(field, view)} recorded`);
  }
}

function isEqual(field: EventField, entry: DataView, payload: DataView, symbols: Map<bigint, bigint>): boolean {
  if (shown(field, entry) === shown(field, payload)) return true;
  if (field.kind !== "number" || field.size / field.count !== 8) return false;
  // Addresses that the text has by name get numbers of our own: the same for the same address.
  for (let at = field.offset; at < field.offset + field.size; at += 8) {
    const [real, ours] = [entry.getBigUint64(at, true), payload.getBigUint64(at, true)];
    if (real === ours) continue;
    if (real >> 47n === 0n || ours >> 47n === 0n || (symbols.get(real) ?? ours) !== ours) return false;
    symbols.set(real, ours);
  }
  return true;
}

/** A field's content: text up to its end, otherwise bytes in hex. */
function shown({ kind, offset, size, type }: EventField, view: DataView): string {
  let [from, length] = [offset, size];
  if (kind === "dataLoc" || kind === "relLoc") {
    const location = view.getUint32(offset, true);
    from = (location & 0xffff) + (kind === "relLoc" ? offset + size : 0);
    length = location >>> 16;
  } else if (size === 0) length = view.byteLength - offset;
  const bytes = Buffer.from(view.buffer, view.byteOffset + from, Math.min(length, view.byteLength - from));
  const isText = kind !== "number" && /\bchar\b/.test(type);
  return isText ? (bytes.toString("latin1").split("\0")[0] ?? "") : bytes.toString("hex");
}
