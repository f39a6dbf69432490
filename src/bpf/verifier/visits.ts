/**
 * Places where paths come together, and the states that paths passed them with. A path ends where another one has been with a state
 * that covers its own, and has been followed to all of its ends. A path that comes back to itself with nothing changed
 * never ends.
 */
import { Basis } from "./basis.ts";
import { covers, inheritReliance, keepAll } from "./covers.ts";
import { Refusal } from "./refusal.ts";
import { type Passed, type State, type WordSet, wordSet } from "./state.ts";
import { widen } from "./widen.ts";

/** What a state was when it passed a place. */
export class Visit implements Passed {
  readonly before: Passed | undefined;
  readonly read: WordSet = wordSet();
  readonly written: WordSet;
  /** Undefined once it is no longer of use. */
  state: State | undefined;
  /** Paths from here that have not ended. */
  open = 1;
  /** Which turn of a loop begins here. */
  turn = 0;
  hits = 0;
  misses = 0;

  constructor(state: State) {
    this.before = state.passed;
    this.written = state.written;
    this.state = state.copy();
  }
}

/** Another path begins behind the place that the state passed last. */
export function opened({ passed }: State): void {
  if (passed instanceof Visit) passed.open++;
}

/** A path has ended: so have those that came to it, if it was their last. */
export function closed({ passed }: State): void {
  for (let place = passed; place instanceof Visit; place = place.before) if (--place.open > 0) return;
}

/** A state that was compared this often in vain, for each time that it covered one, is forgotten. */
const PATIENCE = 10;
/** Instructions between two states that are kept: more, the more of them there are, as each takes room. */
const LEAST_DISTANCE = 8;
const KEPT_AT_ONE_DISTANCE = 16_384;

export class Visits {
  readonly #visits: Visit[][];
  readonly #live: readonly number[];
  readonly #believes: boolean;
  #since = 0;
  #distance = LEAST_DISTANCE;
  kept = 0;

  /** @param believes what is relied on behind a place has to be told from what is relied on by others that have the same numbers */
  constructor(slots: number, live: readonly number[], believes: boolean) {
    this.#believes = believes;
    this.#visits = Array.from({ length: slots }, () => []);
    this.#live = live;
  }

  /** An instruction was carried out. */
  step(): void {
    this.#since++;
  }

  /** A path begins that has nothing behind it yet. */
  restart(): void {
    this.#since = this.#distance;
  }

  /**
   * A path comes to a place.
   * @param turns a turn of a loop begins here that ends by itself
   * @returns whether it may end here
   * @throws {Refusal} it has been here before, with the same state
   */
  isKnown(state: State, turns: boolean): boolean {
    const visits = this.#visits[state.at] ?? [];
    const turn = turns ? this.#nextTurn(visits, state) : undefined;
    for (let index = visits.length - 1; index >= 0; index--) {
      const visit = visits[index] as Visit;
      if (visit.state === undefined) continue;
      if (visit.open > 0) {
        if (this.#isTurn(visit.state, state)) return true;
      } else if (covers(visit.state, state, this.#live, visit.read)) {
        visit.hits++;
        inherit(state, visit);
        inheritReliance(visit.state, state);
        return true;
      }
      if (++visit.misses > visit.hits * PATIENCE + PATIENCE) {
        visit.state = undefined;
        visits.splice(index, 1);
      }
    }
    if (turn !== undefined || this.#since >= this.#distance) this.#keep(state, visits, turn);
    return false;
  }

  /** @returns the number of the turn that begins, its numbers widened by what they were in the one before */
  #nextTurn(visits: readonly Visit[], state: State): number {
    const before = visits.findLast((visit) => visit.open > 0 && visit.state?.frames.length === state.frames.length);
    if (before?.state === undefined || before.state.turns === state.turns) return 0;
    widen(before.state, state, before.turn);
    return before.turn + 1;
  }

  #keep(state: State, visits: Visit[], turn = 0): void {
    this.#since = 0;
    if (this.#believes) renewBases(state);
    if (++this.kept % KEPT_AT_ONE_DISTANCE === 0) this.#distance *= 2;
    const visit = new Visit(state);
    visit.turn = turn;
    visits.push(visit);
    state.passed = visit;
    state.written = wordSet();
  }

  /** A path is where it was before: nothing new is seen in another turn of a loop that ends by itself; another loop may never end. */
  #isTurn(before: State, now: State): boolean {
    if (!covers(before, now, this.#live, undefined)) return false;
    if (before.turns !== now.turns) {
      keepAll(now, this.#live);
      return true;
    }
    if (!covers(now, before, this.#live, undefined)) return false;
    const message = "a loop comes back here with nothing changed that is known: it may never end";
    const suggestion = "Bound the loop by a counter: for (int i = 0; i < N; i++).";
    throw new Refusal("loop", now.at, message, suggestion);
  }
}

/**
 * Whatever is relied on from here on is relied on behind this place. Otherwise somebody who has come by another place could rely on
 * a number that did not matter behind this one, where a path has ended with another number.
 */
function renewBases(state: State): void {
  const renewed = new Map<Basis, Basis>();
  state.mapAll((register) => {
    if (register.type !== "number" || register.basis.relied) return register;
    const basis = renewed.get(register.basis) ?? new Basis(register.basis);
    renewed.set(register.basis, basis);
    return { ...register, basis };
  });
}

/** What matters behind the place that was known matters on the path that ends there. */
function inherit(state: State, { read }: Visit): void {
  read.forEach((words, index) => {
    for (let rest = words >>> 0; rest !== 0; rest = (rest & (rest - 1)) >>> 0) {
      const word = 31 - Math.clz32(rest & -rest);
      state.markRead(index >> 1, (index & 1) * 32 + word);
    }
  });
}
