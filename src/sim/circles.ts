/** Notices a fiber that goes in circles: it reads the same few places over and over, and waits for somebody else. */

/** Every `period` steps of a fiber the last `window` are looked at for going in circles of up to `longest` steps. */
interface Watch {
  readonly period: number;
  readonly window: number;
  readonly longest: number;
}
/** A wait for a lock is a short circle; one for another CPU to let go of an object looks at all its intents each time. */
const WATCHES: readonly Watch[] = [
  { period: 256, window: 16, longest: 4 },
  { period: 8192, window: 600, longest: 256 },
];

export class Circles {
  readonly #watched: number[][] = WATCHES.map(() => []);

  /** The next step that `sees` has to be told of: all of a window are. */
  nextStep(steps: number): number {
    return WATCHES.reduce(
      (next, { period, window }) => Math.min(next, steps + Math.max(period - window - (steps % period), 1)),
      Number.POSITIVE_INFINITY,
    );
  }

  /**
   * Whether the last steps of a watch read the same few places over and over.
   * @param read the address; of a write what no other step has
   * @param atEnd called at the end of each window, before it is looked at
   */
  sees(steps: number, read: number, atEnd: () => void): boolean {
    return WATCHES.some((watch, index) => this.#sees(watch, this.#watched[index] as number[], steps, read, atEnd));
  }

  #sees(
    { period, window, longest }: Watch,
    watched: number[],
    steps: number,
    read: number,
    atEnd: () => void,
  ): boolean {
    const phase = steps % period;
    if (phase < period - window) return false;
    if (phase === period - window) watched.length = 0;
    watched.push(read);
    if (phase !== period - 1 || watched.length !== window) return false;
    atEnd();
    for (let circle = 1; circle <= longest; circle++)
      if (watched.every((each, index) => index < circle || each === watched[index - circle])) return true;
    return false;
  }
}
