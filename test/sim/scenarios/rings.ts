/**
 * Two CPUs, or a CPU and its NMI, push into a queue or a stack and take from it, and the thread of one may be killed at any step: no
 * value is lost or had twice, nobody is held up, and of a queue each pusher's values come in their order.
 */
import { checkRest } from "../../../src/sim/checks/rest.ts";
import { type Body, interrupt, task } from "../../../src/sim/fiber.ts";
import { Finding } from "../../../src/sim/finding.ts";
import type { Scenario } from "../../../src/sim/scenario.ts";
import type { World } from "../../../src/sim/world.ts";
import { CONSTANTS } from "../../../src/wasm/face.ts";
import { DIES, withDeath } from "./death.ts";

const { EBUSY, ENOENT, ETIMEDOUT, KIND_QUEUE, KIND_STACK } = CONSTANTS;
const MOST = 8;
const BUSY = "met its own lock";

interface Kind {
  readonly name: string;
  readonly kind: number;
  readonly pop: "queuePop" | "stackPop";
}

/** What one run pushed and took: values are `pusher << 8 | number`. */
class Taken {
  readonly #world: World;
  readonly #ring: number;
  readonly #kind: Kind;
  readonly #rooms: readonly number[];
  /** Values that a push began with, and those that it said are in. */
  readonly #begun = new Set<number>();
  readonly #pushed = new Set<number>();
  readonly #taken: number[] = [];
  /** Takes that never said what they took. */
  #open = 0;

  constructor(world: World, ring: number, kind: Kind, rooms: readonly number[]) {
    this.#world = world;
    this.#ring = ring;
    this.#kind = kind;
    this.#rooms = rooms;
  }

  *push(pusher: number, number: number): Body {
    const value = (pusher << 8) | number;
    const room = this.#rooms[pusher] as number;
    this.#world.memory.store(room, value);
    this.#begun.add(value);
    const result = (yield ["ringPush", this.#ring, 0, room, 0]) | 0;
    if (result === 0) this.#pushed.add(value);
    else this.#begun.delete(value);
    this.#refused(result);
  }

  *take(taker: number): Body {
    const room = this.#rooms[taker] as number;
    this.#open++;
    const result = (yield [this.#kind.pop, this.#ring, 0, room]) | 0;
    this.#open--;
    if (result === 0) this.#taken.push(this.#world.memory.load(room));
    else if (result !== -ENOENT) this.#refused(result);
  }

  #refused(result: number): void {
    if (result === -EBUSY) this.#world.saw(BUSY);
    else if (result !== 0 && result !== -ETIMEDOUT) throw new Finding("ring", `an operation says ${result}`);
  }

  /** What is in the ring, by taking and putting it back. */
  #left(): number[] {
    const room = this.#rooms[0] as number;
    const left: number[] = [];
    while (this.#world.callOn(1, this.#kind.pop, this.#ring, 0, room) === 0) left.push(this.#world.memory.load(room));
    for (const value of this.#kind.kind === KIND_STACK ? [...left].reverse() : left) {
      this.#world.memory.store(room, value);
      this.#world.callOn(1, "ringPush", this.#ring, 0, room, 0);
    }
    return left;
  }

  check(): void {
    const left = this.#left();
    const seen = [...this.#taken, ...left];
    if (new Set(seen).size !== seen.length) throw new Finding("ring", `a value is there twice: ${seen}`);
    const odd = seen.find((value) => !this.#begun.has(value));
    if (odd !== undefined) throw new Finding("ring", `${odd} was never pushed`);
    const lost = [...this.#pushed].filter((value) => !seen.includes(value)).length;
    if (lost > this.#open) throw new Finding("ring", `${lost} values are lost, ${this.#open} takes were cut off`);
    if (this.#kind.kind === KIND_QUEUE && isOutOfOrder(left)) throw new Finding("ring", `out of order: ${left}`);
  }
}

/** Whether a pusher's values are not in their order. */
function isOutOfOrder(values: readonly number[]): boolean {
  return values.some((value, index) => values.slice(index).some((later) => later >> 8 === value >> 8 && later < value));
}

/** Ring and rooms of a scenario, and what a run finds there. */
function prepareRing(world: World, kind: Kind): { readonly ring: number; readonly begin: () => Taken } {
  const ring = world.createMap({ kind: kind.kind, keySize: 0, valueSize: 4, maxEntries: MOST });
  const rooms = [0, 1, 2].map(() => world.scratch(8));
  return { ring, begin: () => new Taken(world, ring, kind, rooms) };
}

function killedIn(kind: Kind): Scenario {
  return {
    name: `${kind.name}-killed`,
    doc: `Two CPUs on one ${kind.name}, one is killed: its values are in the ring or with who took them, each once.`,
    cpus: 3,
    bound: 2,
    reaches: [DIES.mapLock, { in: "breakRingLock" }],
    prepare(world) {
      const pages = world.call("pagesInUse");
      const { ring, begin } = prepareRing(world, kind);
      return () => {
        const taken = begin();
        return withDeath(world, {
          fibers: [
            task(0, function* () {
              yield* taken.push(0, 1);
              yield* taken.take(0);
            }),
            task(1, function* () {
              yield* taken.push(1, 1);
              yield* taken.take(1);
            }),
          ],
          check: () => taken.check(),
          giveBack: () => void world.call("destroyMap", ring),
          pages,
        });
      };
    },
  };
}

function interruptedIn(kind: Kind): Scenario {
  return {
    name: `${kind.name}-nmi`,
    doc: `An NMI pushes into the ${kind.name} that its own CPU may be at, and takes from it: -EBUSY, and nothing has happened.`,
    cpus: 2,
    bound: 2,
    reaches: [BUSY],
    prepare(world) {
      const { begin } = prepareRing(world, kind);
      return () => {
        const taken = begin();
        return {
          fibers: [
            task(0, function* () {
              yield* taken.push(0, 1);
              yield* taken.push(0, 2);
              yield* taken.take(0);
            }),
            interrupt("nmi", 0, function* () {
              yield* taken.push(2, 1);
              yield* taken.take(2);
            }),
          ],
          atRest() {
            checkRest(world);
            taken.check();
          },
        };
      };
    },
  };
}

export const RINGS: readonly Scenario[] = (
  [
    { name: "queue", kind: KIND_QUEUE, pop: "queuePop" },
    { name: "stack", kind: KIND_STACK, pop: "stackPop" },
  ] as const
).flatMap((kind) => [killedIn(kind), interruptedIn(kind)]);
