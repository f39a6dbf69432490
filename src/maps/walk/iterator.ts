/**
 * Going through a map by an object: as a generator does, which would have to be resumed for each entry, for more than what the rest
 * of it costs. Helpers of iterators are inherited where the runtime has them.
 */
import type { MapInfo } from "../info.ts";
import type { WalkStep } from "./step.ts";
import { wordsOfKey } from "./walk.ts";

/** What is made of the keys of a walk. */
export interface Visit<T> {
  /** Has a key's entry in the transfer buffer; false if it is gone. */
  readonly load: (keys: Uint32Array, from: number, stamp: number) => boolean;
  readonly make: () => T;
}

const NO_KEYS = new Uint32Array(0);

class WalkIterator<T> {
  readonly #info: MapInfo;
  readonly #load: Visit<T>["load"];
  readonly #make: Visit<T>["make"];
  /** Undefined at the end. */
  #steps: Iterator<WalkStep> | undefined;
  #keys: Uint32Array = NO_KEYS;
  #stamp = 0;
  /** The next key's first word. */
  #at = 0;

  constructor(info: MapInfo, steps: Iterator<WalkStep>, { load, make }: Visit<T>) {
    this.#info = info;
    this.#steps = steps;
    this.#load = load;
    this.#make = make;
  }

  next(): IteratorResult<T, undefined> {
    try {
      do {
        while (this.#at < this.#keys.length) {
          const from = this.#at;
          this.#at += wordsOfKey(this.#info, this.#keys, from);
          if (this.#load(this.#keys, from, this.#stamp)) return { done: false, value: this.#make() };
        }
      } while (this.#step());
    } catch (error) {
      this.#end();
      throw error;
    }
    return { done: true, value: undefined };
  }

  return(value?: undefined): IteratorResult<T, undefined> {
    this.#end();
    return { done: true, value };
  }

  throw(error: unknown): never {
    this.#end();
    throw error;
  }

  /** Whether there are more keys. */
  #step(): boolean {
    const step = this.#steps?.next();
    if (step === undefined || step.done === true) {
      this.#end();
      return false;
    }
    this.#keys = step.value.keys;
    this.#stamp = step.value.stamp;
    this.#at = 0;
    return true;
  }

  #end(): void {
    this.#steps = undefined;
    this.#keys = NO_KEYS;
  }
}

const iterators = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]())) as object;
Object.setPrototypeOf(WalkIterator.prototype, iterators);

/** @param steps keys as they lie in memory, some at a time */
export function iterate<T>(
  info: MapInfo,
  steps: Iterator<WalkStep>,
  visit: Visit<T>,
): Generator<T, undefined, unknown> {
  return new WalkIterator(info, steps, visit) as object as Generator<T, undefined, unknown>;
}
