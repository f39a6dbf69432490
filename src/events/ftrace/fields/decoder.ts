/** A function for the lines of one event, made of text (decoder-source.ts) where text may become code. */
import type { Target } from "../../batch.ts";
import { HEX_PAIR, HEX_VALUE } from "../bytes.ts";
import { decoderSource } from "./decoder-source.ts";
import { firstEnd, type Matching, runStep, storeText } from "./fields.ts";
import type { Step } from "./steps.ts";

/**
 * Reads the fields that begin at `from` into `target`, whose `end` is behind the struct.
 * @returns where the line's newline is; -1 where it does not fit if texts end at the first place where they can; -2 where it does not at all
 */
export type Decode = (matching: Matching, text: Uint8Array, words: DataView, from: number, target: Target) => number;

const NAMES = { HEX: HEX_VALUE, PAIR: HEX_PAIR, firstEnd, runStep, storeText };
/** By their text: what one recording has made fast is so for the next one that has the event. */
const made = new Map<string, Decode>();
/** Set once code could not be made of text: a content security policy holds for all. */
let forbidden = false;

/** @returns undefined: the steps have to be run one by one */
export function decoderOf(steps: readonly Step[]): Decode | undefined {
  const source = forbidden ? undefined : decoderSource(steps);
  if (source === undefined) return undefined;
  const known = made.get(source);
  if (known !== undefined) return known;
  try {
    const decode = new Function(...Object.keys(NAMES), `"use strict"; return ${source};`)(
      ...Object.values(NAMES),
    ) as Decode;
    made.set(source, decode);
    return decode;
  } catch (error) {
    if (!(error instanceof EvalError)) throw error;
    forbidden = true;
    return undefined;
  }
}
