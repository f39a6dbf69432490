/** Dynptrs, iterators and saved states of interrupts where they lie: on the stack of a frame. */
import { releasedRegister } from "./registers.ts";
import { type StackObject, WHOLE_WORD, wordAt } from "./stack.ts";
import type { State } from "./state.ts";

const WORD_BYTES = 8;

/** Words of each kind. */
export const STACK_OBJECT_WORDS: Readonly<Record<StackObject["kind"], number>> = {
  dynptr: 2,
  iterator: 1,
  interrupts: 1,
};

/** What lies in a range of a frame's stack, each once. */
export function objectsIn(state: State, frame: number, from: number, bytes: number): StackObject[] {
  const stack = state.frames[frame]?.stack ?? [];
  const found = new Map<number, StackObject>();
  for (let at = from; at < from + bytes; at++) {
    const object = stack[wordAt(at)]?.object;
    if (object !== undefined) found.set(object.id, object);
  }
  return [...found.values()];
}

/** The object that begins at an offset; undefined: none. */
export function objectAt(state: State, frame: number, offset: number): StackObject | undefined {
  if (offset % WORD_BYTES !== 0) return undefined;
  const object = state.frames[frame]?.stack[wordAt(offset)]?.object;
  return object?.part === 0 ? object : undefined;
}

/** Puts an object there. */
export function putObject(state: State, frame: number, offset: number, object: Omit<StackObject, "part">): void {
  const { stack } = state.ownFrame(frame);
  for (let part = 0; part < STACK_OBJECT_WORDS[object.kind]; part++) {
    const word = wordAt(offset + part * WORD_BYTES);
    stack[word] = { written: WHOLE_WORD, zero: 0, spills: [], object: { ...object, part } };
    state.markWritten(frame, word);
  }
}

/** An object is there no more: its words are bytes, and what was got through it is gone. */
export function forgetObject(state: State, at: number, { id, kind }: StackObject): void {
  state.frames.forEach(({ stack }, frame) => {
    stack.forEach((word, index) => {
      if (word?.object?.id === id) state.ownFrame(frame).stack[index] = { written: WHOLE_WORD, zero: 0, spills: [] };
    });
  });
  if (kind !== "dynptr") return;
  const gone = releasedRegister(at, "what a dynptr led to");
  state.mapAll((each) =>
    each.type === "pointer" && each.target.type === "memory" && each.target.dynptr === id ? gone : each,
  );
}

/** Bytes of a frame's stack are about to be written to: what lies there is lost. */
export function overwrite(state: State, at: number, frame: number, from: number, bytes: number): void {
  for (const object of objectsIn(state, frame, from, bytes)) forgetObject(state, at, object);
}
