/** Goes through the entries of one CPU, page by page. */
import { type ByteRange, memoryRange } from "../bytes.ts";
import { pageTime, readPage } from "../tracepoints/ring.ts";
import type { CpuPages, TraceDat } from "./header.ts";

/** Entries of a page: the smallest takes 8 bytes. */
const ENTRY_BYTES = 8;

export class CpuCursor {
  readonly cpu: number;
  /** The time of the first page; undefined: there is none. */
  start: bigint | undefined;
  /** The next piece has to be unpacked before it goes on. */
  isWaiting = false;
  /** The current entry: where it lies, and its time since the origin in nanoseconds. */
  page: Uint8Array = new Uint8Array(0);
  view: DataView = new DataView(new ArrayBuffer(0));
  from = 0;
  length = 0;
  time = 0;
  done = false;
  lost = 0;
  /** Pages of which a part could not be read. */
  damaged = 0;
  readonly #pieces: readonly CpuPages["pages"][];
  /** The piece that pages are taken from. */
  #pages: ByteRange | undefined;
  readonly #file: Pick<TraceDat, "pageBytes" | "layout">;
  #piece = 0;
  #at = 0;
  #origin = 0n;
  /** Of the current page's entries. */
  readonly #froms: Int32Array;
  readonly #lengths: Int32Array;
  readonly #times: Float64Array;
  #count = 0;
  #next = 0;
  #base = 0;
  readonly #visit = (from: number, length: number, since: number): void => {
    this.#froms[this.#count] = from;
    this.#lengths[this.#count] = length;
    this.#times[this.#count++] = since;
  };

  constructor(cpu: number, pieces: readonly CpuPages["pages"][], file: Pick<TraceDat, "pageBytes" | "layout">) {
    this.cpu = cpu;
    this.#pieces = pieces;
    this.#file = file;
    const most = Math.ceil(file.pageBytes / ENTRY_BYTES) + 1;
    this.#froms = new Int32Array(most);
    this.#lengths = new Int32Array(most);
    this.#times = new Float64Array(most);
  }

  /** Has the first page that there is. */
  async open(): Promise<void> {
    const { header } = this.#file.layout;
    for (; this.#piece < this.#pieces.length; this.#piece++) {
      await this.load();
      if (this.#pages !== undefined && this.#pages.length >= header) {
        this.start = pageTime(this.#pages.subarray(0, header));
        return;
      }
    }
  }

  /** Unpacks the piece that is next, where it is packed. */
  async load(): Promise<void> {
    const piece = this.#pieces[this.#piece];
    this.#pages = piece === undefined || "part" in piece ? piece : memoryRange(await piece.unpack());
    this.isWaiting = false;
  }

  /** Goes to the first entry. @param origin the time that others are counted from */
  begin(origin: bigint): void {
    this.#origin = origin;
    this.advance();
  }

  /** Goes to the next entry, or is done, or waits for a piece: then once it is loaded. */
  advance(): void {
    while (this.#next >= this.#count) if (!this.#readPage()) return;
    const next = this.#next++;
    this.from = this.#froms[next] as number;
    this.length = this.#lengths[next] as number;
    this.time = this.#base + (this.#times[next] as number);
  }

  /** Takes the next page apart; false and `done` where there is none. */
  #readPage(): boolean {
    const { pageBytes, layout } = this.#file;
    while (this.#pages !== undefined && this.#at >= this.#pages.length) {
      this.#at = 0;
      const next = this.#pieces[++this.#piece];
      this.isWaiting = next !== undefined && !("part" in next);
      if (this.isWaiting) return false;
      this.#pages = next as ByteRange | undefined;
    }
    const pages = this.#pages;
    this.done = pages === undefined;
    if (pages === undefined) return false;
    this.page = pages.subarray(this.#at, this.#at + pageBytes);
    this.view = new DataView(this.page.buffer, this.page.byteOffset, this.page.length);
    this.#at += pageBytes;
    this.#count = 0;
    this.#next = 0;
    if (this.page.length < layout.header) this.damaged++;
    else {
      this.#base = Number(pageTime(this.page) - this.#origin);
      const { lost, damaged } = readPage(this.page, layout, this.#visit);
      this.lost += lost;
      if (damaged > 0) this.damaged++;
    }
    return true;
  }
}
