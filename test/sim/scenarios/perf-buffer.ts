/**
 * Programs on a CPU, a task's and an NMI's, hand records over to a consumer on another one, and may be killed at any step: the consumer
 * gets records in the order of their reservation, each once and whole, and what comes after a death is not held up.
 */
import { type Body, interrupt, task } from "../../../src/sim/fiber.ts";
import { Finding } from "../../../src/sim/finding.ts";
import type { Scenario } from "../../../src/sim/scenario.ts";
import type { World } from "../../../src/sim/world.ts";
import { CONSTANTS } from "../../../src/wasm/face.ts";
import { withDeath } from "./death.ts";

const { EBUSY, ENOSPC, ETIMEDOUT, KIND_PERF_EVENT_ARRAY } = CONSTANTS;
const BYTES = 4096;
const ROOM = 256;
/** A record of two parts, as the consumer gets it. */
const RECORD_BYTES = 16;
/** What is handed over when all is done. */
const LAST = 0x300;
const DIED = "a thread died in the middle of an output";
const NESTED = "an NMI's output came in the middle of another";

class Handed {
  readonly #world: World;
  readonly #map: number;
  readonly #rooms: readonly number[];
  readonly #into: number;
  readonly #begun = new Set<number>();
  readonly #ended = new Set<number>();
  readonly #put = new Set<number>();
  readonly #got: number[] = [];
  #under = 0;

  constructor(world: World, map: number, rooms: readonly number[], into: number) {
    this.#world = world;
    this.#map = map;
    this.#rooms = rooms;
    this.#into = into;
  }

  *output(producer: number, number: number): Body {
    const room = this.#rooms[producer] as number;
    const value = (producer << 8) | number;
    this.#world.memory.store(room, value);
    this.#world.memory.store(room + 4, ~value);
    this.#begun.add(value);
    if (this.#under > 0) this.#world.saw(NESTED);
    this.#under++;
    const result = (yield ["perfOutput", this.#map, room, 4, room + 4, 4]) | 0;
    this.#under--;
    if (result !== 0) throw new Finding("perf buffer", `an output says ${result}`);
    this.#ended.add(value);
    // What ended in the middle of another one goes with it.
    if (this.#under > 0) return;
    for (const each of this.#ended) this.#put.add(each);
  }

  *consume(): Body {
    const count = (yield ["perfConsume", this.#map, 0, this.#into, ROOM]) | 0;
    if (count !== -EBUSY && count !== -ETIMEDOUT) this.#take(count);
  }

  #take(count: number): void {
    if (count < 0) throw new Finding("perf buffer", `the consumer is told ${count === -ENOSPC ? "ENOSPC" : count}`);
    const { memory } = this.#world;
    for (let at = this.#into; at < this.#into + count * RECORD_BYTES; at += RECORD_BYTES) {
      const [size, lost, value, second] = [0, 4, 8, 12].map((offset) => memory.load(at + offset)) as [
        number,
        number,
        number,
        number,
      ];
      if (size !== 8 || ~value >>> 0 !== second >>> 0)
        throw new Finding("perf buffer", `a record of ${size} bytes is ${value}, ${second}`);
      if (lost > 2) throw new Finding("perf buffer", `${lost} were lost before ${value}`);
      this.#got.push(value);
    }
  }

  /** Whoever has the dead CPU's slot next hands a record over. */
  #handLast(): void {
    if (this.#put.has(LAST)) return;
    const room = this.#rooms[0] as number;
    this.#world.memory.store(room, LAST);
    this.#world.memory.store(room + 4, ~LAST);
    this.#begun.add(LAST);
    const result = this.#world.callOn(0, "perfOutput", this.#map, room, 4, room + 4, 4) | 0;
    if (result !== 0) throw new Finding("perf buffer", `the last output says ${result}`);
    this.#put.add(LAST);
  }

  /** All that were handed over have come. */
  check(): void {
    if (this.#world.callOn(1, "perfLost", this.#map, 0) !== 0) this.#world.saw(DIED);
    this.#handLast();
    this.#take(this.#world.callOn(1, "perfConsume", this.#map, 0, this.#into, ROOM) | 0);
    const got = this.#got;
    if (new Set(got).size !== got.length) throw new Finding("perf buffer", `a record came twice: ${got}`);
    const odd = got.find((value) => !this.#begun.has(value));
    if (odd !== undefined) throw new Finding("perf buffer", `${odd} was never handed over`);
    const missing = [...this.#put].filter((value) => !got.includes(value));
    if (missing.length > 0) throw new Finding("perf buffer", `${missing} did not come, of ${[...this.#put]}`);
    const isOutOfOrder = got.some((value, index) =>
      got.slice(index).some((later) => later >> 8 === value >> 8 && later < value),
    );
    if (isOutOfOrder) throw new Finding("perf buffer", `out of order: ${got}`);
  }
}

export const perfBufferKilled: Scenario = {
  name: "perf-buffer-killed",
  doc: "A task and an NMI of a CPU hand records over to another CPU, and may be killed: each comes whole, once, and in order.",
  cpus: 2,
  bound: 2,
  reaches: [NESTED, DIED],
  prepare(world) {
    const pages = world.call("pagesInUse");
    const map = world.createMap({ kind: KIND_PERF_EVENT_ARRAY, keySize: 4, valueSize: 4, maxEntries: 2 });
    if (world.callOn(1, "perfOpen", map, BYTES) !== 0) throw new Finding("perf buffer", "it cannot be opened");
    const rooms = [8, 8].map((bytes) => world.scratch(bytes));
    const into = world.scratch(ROOM);
    return () => {
      const handed = new Handed(world, map, rooms, into);
      return withDeath(world, {
        fibers: [
          task(0, function* () {
            yield* handed.output(0, 1);
            yield* handed.output(0, 2);
          }),
          task(1, function* () {
            yield* handed.consume();
            yield* handed.consume();
          }),
          interrupt("nmi", 0, () => handed.output(1, 1)),
        ],
        check: () => handed.check(),
        giveBack: () => {
          world.callOn(1, "perfClose", map, 1);
          world.call("destroyMap", map);
        },
        pages,
      });
    };
  },
};
