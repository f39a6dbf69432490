/** What comes of a replay while it goes on, for who looks at a trace that does not end: on stderr, in the place of what stood there. */
import type { EventStream, Symbols } from "../../events/source.ts";
import type { LoadedObject } from "../../load/load.ts";
import { count } from "../text.ts";
import { resultParagraphs } from "./results.ts";

interface LiveInput {
  readonly loaded: LoadedObject;
  readonly stream: EventStream;
}

const NO_SYMBOLS: Symbols = { nameOf: (address) => `0x${address.toString(16)}` };
/** To the screen's first line, and nothing behind it. */
const FROM_THE_TOP = "\x1b[H\x1b[J";

/**
 * @param seconds between two views
 * @returns to be told how many events were replayed, after each batch
 */
export function liveView({ loaded, stream }: LiveInput, seconds: number): (replayed: number) => void {
  let last = performance.now();
  let before = 0;
  return (replayed) => {
    const now = performance.now();
    const passed = (now - last) / 1000;
    if (passed < seconds) return;
    const rate = Math.round((replayed - before) / passed);
    [last, before] = [now, replayed];
    const { lost } = stream.counts;
    const head = `${count(replayed)} events, ${count(rate)} a second${lost === 0 ? "" : `, ${count(lost)} lost`}`;
    const results = resultParagraphs({ loaded, symbols: stream.symbols ?? NO_SYMBOLS });
    const clear = process.stderr.isTTY ? FROM_THE_TOP : "";
    process.stderr.write(`${clear}${[head, ...results].filter((text) => text !== "").join("\n\n")}\n`);
  };
}
