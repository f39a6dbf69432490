/**
 * Producers on two CPUs and in an NMI put records into a ring buffer that another one consumes, and a producer may be killed at any
 * step: records come in the order of their reservations, each once, and a dead producer's do not hold up the others'.
 */
import { type Body, interrupt, task } from "../../../src/sim/fiber.ts";
import { Finding } from "../../../src/sim/finding.ts";
import type { Scenario } from "../../../src/sim/scenario.ts";
import type { World } from "../../../src/sim/world.ts";
import { CONSTANTS } from "../../../src/wasm/face.ts";
import { DIES, withDeath } from "./death.ts";

const { EAGAIN, EBUSY, ETIMEDOUT, KIND_RINGBUF } = CONSTANTS;
const SIZE = 4096;
const ROOM = 256;
const LOST = "an NMI met its own lock";
/** Bytes of a record as the consumer gets it, with its size. */
const RECORD_BYTES = 16;

/** A run's buffer, what was put in and what came out: values are `producer << 8 | number`. */
class Records {
  readonly #world: World;
  readonly #map: number;
  readonly #rooms: readonly number[];
  readonly #begun = new Set<number>();
  readonly #put = new Set<number>();
  readonly #got: number[] = [];

  constructor(world: World, map: number, rooms: readonly number[]) {
    this.#world = world;
    this.#map = map;
    this.#rooms = rooms;
  }

  *output(producer: number, number: number): Body {
    const room = this.#rooms[producer] as number;
    const value = (producer << 8) | number;
    this.#world.memory.store(room, value);
    this.#begun.add(value);
    const result = (yield ["ringbufOutput", this.#map, room, 4, 0]) | 0;
    if (result === 0) this.#put.add(value);
    else this.#begun.delete(value);
    if (result === -EAGAIN && producer === 2) this.#world.saw(LOST);
    else if (result !== 0 && result !== -EAGAIN) throw new Finding("records", `an output says ${result}`);
  }

  *consume(): Body {
    const into = this.#rooms[3] as number;
    const count = (yield ["ringbufConsume", this.#map, into, ROOM]) | 0;
    if (count === -EBUSY || count === -ETIMEDOUT) return;
    this.#take(count);
  }

  #take(count: number): void {
    if (count < 0) throw new Finding("records", `the consumer is told ${count}`);
    const { memory } = this.#world;
    for (let index = 0; index < count; index++) {
      const at = (this.#rooms[3] as number) + index * RECORD_BYTES;
      if (memory.load(at) !== 4) throw new Finding("records", `a record of ${memory.load(at)} bytes`);
      this.#got.push(memory.load(at + 8));
    }
  }

  check(): void {
    this.#take(this.#world.callOn(1, "ringbufConsume", this.#map, this.#rooms[3] as number, ROOM) | 0);
    const got = this.#got;
    if (new Set(got).size !== got.length) throw new Finding("records", `a record came twice: ${got}`);
    const odd = got.find((value) => !this.#begun.has(value));
    if (odd !== undefined) throw new Finding("records", `${odd} was never put in`);
    const lost = [...this.#put].filter((value) => !got.includes(value));
    if (lost.length > 0) throw new Finding("records", `${lost} did not come`);
    const isOutOfOrder = got.some((value, index) =>
      got.slice(index).some((later) => later >> 8 === value >> 8 && later < value),
    );
    if (isOutOfOrder) throw new Finding("records", `out of order: ${got}`);
  }
}

export const recordsKilled: Scenario = {
  name: "records-killed",
  doc: "Two producers and an NMI's beside a consumer, one is killed: every record that was put in comes, and once.",
  cpus: 3,
  bound: 2,
  reaches: [DIES.mapLock, LOST, { in: "discardOf" }],
  prepare(world) {
    const pages = world.call("pagesInUse");
    const map = world.createMap({ kind: KIND_RINGBUF, keySize: 0, valueSize: 0, maxEntries: SIZE });
    const rooms = [8, 8, 8, ROOM].map((bytes) => world.scratch(bytes));
    return () => {
      const records = new Records(world, map, rooms);
      return withDeath(world, {
        fibers: [
          task(0, function* () {
            yield* records.output(0, 1);
            yield* records.output(0, 2);
          }),
          task(1, function* () {
            yield* records.output(1, 1);
            yield* records.consume();
          }),
          interrupt("nmi", 0, () => records.output(2, 1)),
        ],
        check: () => records.check(),
        giveBack: () => void world.call("destroyMap", map),
        pages,
      });
    };
  },
};
