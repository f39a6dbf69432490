/**
 * Messages of several lines: what is written to `trace_marker`, printed by a program or by the kernel may have newlines in
 * it, and only its first line has a head. The further ones belong to the record of the first.
 */
import type { BatchWriter, Target } from "../batch.ts";
import { RECORD } from "../record.ts";
import type { FtraceFormat } from "../tracepoints/format.ts";

/** Events that are messages, with the field of the text, the last one that they print. */
const MESSAGES: Readonly<Record<string, string>> = {
  "ftrace/print": "buf",
  "bpf_trace/bpf_trace_printk": "bpf_string",
  "printk/console": "msg",
};
const NEWLINE = 10;

export function isMessageEvent({ category, name }: FtraceFormat): boolean {
  return MESSAGES[`${category}/${name}`] !== undefined;
}

export class TextContinuation {
  /** Where in the batch's buffer the last message's record begins, if it may go on. */
  #record = -1;
  /** Where its text ends: its zero. */
  #end = 0;
  #bytes: Uint8Array | undefined;
  /** Where the record says how long the text is; -1: it does not, and every line of it ends with a newline. */
  #location = -1;

  /** A message has been read to `target`; its record begins at `record`. */
  begin({ category, name, fields }: FtraceFormat, record: number, target: Target): void {
    const field = fields.find((each) => each.name === MESSAGES[`${category}/${name}`]);
    this.#location = field?.kind === "dataLoc" ? target.start + field.offset : -1;
    if (this.#location < 0) {
      target.bytes[target.end - 1] = NEWLINE;
      target.bytes[target.end++] = 0;
    }
    this.#record = record;
    this.#bytes = target.bytes;
    this.#end = target.end - 1;
  }

  /** Whether a further line would belong to a message. */
  get isOpen(): boolean {
    return this.#record >= 0;
  }

  end(): void {
    this.#record = -1;
  }

  /** Adds a line to the last message, if there is one in this batch that can take it. */
  add(text: Uint8Array, from: number, to: number, batch: BatchWriter): boolean {
    const { bytes, view } = batch.target;
    const length = to - from + 1;
    if (this.#record < 0 || bytes !== this.#bytes || this.#end + length + 8 > bytes.length) return false;
    const isLocated = this.#location >= 0;
    if (isLocated) {
      bytes[this.#end] = NEWLINE;
      view.setUint32(this.#location, view.getUint32(this.#location, true) + length * 0x10000, true);
    }
    bytes.set(text.subarray(from, to), this.#end + (isLocated ? 1 : 0));
    this.#end += length;
    if (!isLocated) bytes[this.#end - 1] = NEWLINE;
    bytes[this.#end] = 0;
    const size = (this.#end + 1 - this.#record + 7) & ~7;
    batch.position = this.#record + size;
    view.setUint32(this.#record + RECORD.size, size, true);
    return true;
  }
}
