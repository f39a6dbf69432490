/**
 * Two CPUs and an NMI drain a user ring buffer that another one fills, and one who drains may be killed at any step: each record is passed
 * once, two never look at one at the same time, and what a dead one had in hand is there again.
 */
import { type Body, interrupt, task } from "../../../src/sim/fiber.ts";
import { Finding } from "../../../src/sim/finding.ts";
import type { Scenario } from "../../../src/sim/scenario.ts";
import type { World } from "../../../src/sim/world.ts";
import { CONSTANTS } from "../../../src/wasm/face.ts";
import { withDeath } from "./death.ts";

const { EAGAIN, EBUSY, KIND_USER_RINGBUF } = CONSTANTS;
const SIZE = 4096;
const BUSY = "another one drained";
const IN_HAND = "died with a record in hand";

/** A run's buffer, and how often each record was passed. Values only grow. */
class Drained {
  readonly #world: World;
  readonly #map: number;
  readonly #room: number;
  readonly #put: number[] = [];
  readonly #passed: number[] = [];
  /** What each of those who drain looks at, by its CPU: an NMI's is told apart from that of the task below it. */
  readonly #inHand: { readonly cpu: number; readonly value: number }[] = [];

  constructor(world: World, map: number, room: number) {
    this.#world = world;
    this.#map = map;
    this.#room = room;
  }

  *put(value: number): Body {
    this.#world.memory.store(this.#room, value);
    const result = (yield ["ringbufOutput", this.#map, this.#room, 4, 0]) | 0;
    if (result === 0) this.#put.push(value);
    else if (result !== -EAGAIN) throw new Finding("records", `an output says ${result}`);
  }

  *drain(cpu: number): Body {
    const begun = (yield ["userRingbufBegin", this.#map]) | 0;
    if (begun === -EBUSY) {
      this.#world.saw(BUSY);
      return;
    }
    while (true) {
      const record = (yield ["userRingbufNext", this.#map]) >>> 0;
      if (record === 0) break;
      const value = this.#world.memory.load(record);
      // What a dead one had in hand is anybody's.
      if (this.#inHand.some((held) => held.value === value && !this.#world.dead.has(held.cpu)))
        throw new Finding("records", `two look at ${value}`);
      const held = { cpu, value };
      this.#inHand.push(held);
      yield ["userRingbufPass", this.#map];
      this.#inHand.splice(this.#inHand.indexOf(held), 1);
      this.#passed.push(value);
    }
    yield ["userRingbufEnd", this.#map];
  }

  /** Drains what is left: it is all there, and nothing that was passed. */
  check(): void {
    const world = this.#world;
    if (this.#inHand.some(({ cpu }) => world.dead.has(cpu))) world.saw(IN_HAND);
    if ((world.callOn(1, "userRingbufBegin", this.#map) | 0) !== 0) throw new Finding("records", "it stays locked");
    for (let record = this.#next(); record !== 0; record = this.#next()) {
      this.#passed.push(world.memory.load(record));
      world.callOn(1, "userRingbufPass", this.#map);
    }
    world.callOn(1, "userRingbufEnd", this.#map);
    const passed = this.#passed;
    const twice = passed.find((value, index) => passed.indexOf(value) !== index);
    if (twice !== undefined) throw new Finding("records", `${twice} was passed twice`);
    // What a dead one was passing may be passed.
    const lost = this.#put.filter(
      (value) => !passed.includes(value) && !this.#inHand.some((held) => held.value === value),
    );
    if (lost.length > 0) throw new Finding("records", `${lost} never came`);
  }

  #next(): number {
    return this.#world.callOn(1, "userRingbufNext", this.#map) >>> 0;
  }
}

export const drainKilled: Scenario = {
  name: "drain-killed",
  doc: "Two CPUs and an NMI drain a user ring buffer that is being filled, one is killed: each record is passed, and once.",
  cpus: 3,
  bound: 2,
  reaches: [BUSY, IN_HAND, { in: "breakRingbufLocks" }],
  prepare(world) {
    const pages = world.call("pagesInUse");
    const map = world.createMap({ kind: KIND_USER_RINGBUF, keySize: 0, valueSize: 0, maxEntries: SIZE });
    const room = world.scratch(8);
    return () => {
      const drained = new Drained(world, map, room);
      return withDeath(world, {
        fibers: [
          task(0, () => drained.drain(0)),
          task(1, function* () {
            yield* drained.put(1);
            yield* drained.put(2);
            yield* drained.drain(1);
          }),
          interrupt("nmi", 0, () => drained.drain(0)),
        ],
        check: () => drained.check(),
        giveBack: () => void world.call("destroyMap", map),
        pages,
      });
    };
  },
};
