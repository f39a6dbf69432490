/** Functions that events are of, by what recordings say of them. */
import type { FunctionEvent, SourceEvent } from "../event.ts";
import type { Symbols } from "../source.ts";
import type { FtraceFormat } from "./format.ts";

const SYMBOL = /^([A-Za-z_.][\w.]*)(?:\+(?:0x)?([0-9a-f]+))?(?:\/0x[0-9a-f]+)?(?: \[\S+\])?$/;
/** What tools put around a function's name to call its events: `p_vfs_read_0`, `vfs_read__return`. */
const NAMED_AFTER = /^(?:[pr]_)?(.+?)(?:__return|__entry|__exit|_\d+)*$/;
/** What the formats of probes have, of the kernel's and of user space's. */
const PROBE_FIELD = /^__probe_(ip|func|vaddr)$/;

/** The function that an event is of: by the symbol, or after the event where only the address is known. */
export function functionOf(event: string, place: string): Omit<FunctionEvent, "at"> {
  const [, symbol, offset = "0"] = SYMBOL.exec(/^[0-9a-f]+$/.test(place) ? "" : place) ?? [];
  if (symbol !== undefined) return { name: symbol, offset: Number.parseInt(offset, 16) };
  return { name: NAMED_AFTER.exec(event)?.[1] ?? event, offset: 0 };
}

/** Whether an event is a probe's. */
export function isProbe({ fields }: FtraceFormat): boolean {
  return fields.some(({ name }) => PROBE_FIELD.test(name));
}

/** Where the entry of a probe has the function's address. */
interface ProbePlace {
  readonly offset: number;
  readonly at: FunctionEvent["at"];
}

function placeOf(format: FtraceFormat): ProbePlace | undefined {
  const offset = (name: string): number | undefined => format.fields.find((field) => field.name === name)?.offset;
  const returned = offset("__probe_func");
  const entered = offset("__probe_ip");
  if (returned !== undefined) return { offset: returned, at: "return" };
  return entered === undefined ? undefined : { offset: entered, at: "entry" };
}

/** More events than a record can name. */
const MOST_EVENTS = 65536;

/**
 * Events of probes whose entries are recorded in binary: a row of the table for each function that one is of, which comes at the table's
 * end with the first of its entries and has the probe's format.
 */
export class ProbeEvents {
  readonly #events: SourceEvent[];
  readonly #symbols: Symbols;
  /** By event: where a probe's entries have the address; null: it is no probe's. */
  readonly #places: (ProbePlace | null | undefined)[] = [];
  /** By event and address. */
  readonly #rows = new Map<string, number>();

  /** @param events the source's table, of tracepoints */
  constructor(events: SourceEvent[], symbols: Symbols) {
    this.#events = events;
    this.#symbols = symbols;
  }

  /** The event of the entry at `from`: `event`, or the one of the function that it is of. */
  of(event: number, bytes: Uint8Array, from: number, length: number): number {
    let place = this.#places[event];
    if (place === undefined) {
      place = placeOf(this.#events[event]?.format as FtraceFormat) ?? null;
      this.#places[event] = place;
    }
    if (place === null || place.offset + 8 > length) return event;
    const address = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(from + place.offset, true);
    const key = `${event} ${address}`;
    const known = this.#rows.get(key);
    if (known !== undefined) return known;
    if (this.#events.length >= MOST_EVENTS) return event;
    const row = this.#add(event, address, place);
    this.#rows.set(key, row);
    return row;
  }

  #add(event: number, address: bigint, { at }: ProbePlace): number {
    const { name, category, format } = this.#events[event] as SourceEvent;
    const index = this.#events.length;
    const symbol = this.#symbols.nameOf(address).replace(/^0x| \[\S+\]/, "");
    const found = functionOf(name, symbol);
    this.#events.push({
      ...{ index, name, category, format, unprinted: [], unreadable: [] },
      // A function that has returned has no place in it.
      function: { ...found, offset: at === "return" ? 0 : found.offset, at },
    });
    return index;
  }
}
