/** A function for the lines of one event, made of text (decoder-source.ts) where text may become code. */
import type { Target } from "../batch.ts";
import { HEX_VALUE } from "./bytes.ts";
import { decoderSource } from "./decoder-source.ts";
import { type Matching, runStep, storeText } from "./fields.ts";

/**
 * Reads the fields that begin at `from` into `target`, whose `end` is behind the struct.
 * @returns where the line's newline is; -1 where it does not fit if texts end at the first place where they can; -2 where it does not at all
 */
export type Decode = (text: Uint8Array, words: DataView, from: number, target: Target) => number;

/** Set once code could not be made of text: a content security policy holds for all. */
let forbidden = false;
let made = 0;

/** @returns undefined: the steps have to be run one by one */
export function decoderOf(matching: Matching): Decode | undefined {
  const source = forbidden ? undefined : decoderSource(matching.steps);
  if (source === undefined) return undefined;
  const caches = matching.steps.map(({ cache }) => cache);
  const names = { M: matching, S: matching.steps, C: caches, HEX: HEX_VALUE, runStep, storeText };
  // A text of its own for each event: equal texts are compiled once, for all that use them.
  const text = `"use strict"; /* event ${++made} */ return (T, V, from, target) => {\n${source}\n};`;
  try {
    return new Function(...Object.keys(names), text)(...Object.values(names)) as Decode;
  } catch (error) {
    if (!(error instanceof EvalError)) throw error;
    forbidden = true;
    return undefined;
  }
}
