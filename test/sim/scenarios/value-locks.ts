/**
 * Values under the locks in them: two CPUs and an NMI copy whole values in and out with BPF_F_LOCK, and delete the key in between, and one
 * of them may be killed at any step. Nobody sees a value of two, and nobody waits for the dead once they are reaped.
 */
import { type Body, interrupt, task } from "../../../src/sim/fiber.ts";
import { Finding } from "../../../src/sim/finding.ts";
import type { Scenario } from "../../../src/sim/scenario.ts";
import type { World } from "../../../src/sim/world.ts";
import { CONSTANTS } from "../../../src/wasm/face.ts";
import { withDeath } from "./death.ts";

const { EBUSY, ENOENT, ENOMEM, ETIMEDOUT, KIND_HASH, LOCK } = CONSTANTS;
/** A number, the lock, and the number twice more. */
const VALUE_BYTES = 16;
const LOCK_AT = 4;
const HELD = "a lock of its own CPU was met";
const DIED = "a thread died in the middle of a value";

class Locked {
  readonly #world: World;
  readonly #map: number;
  readonly #rooms: readonly number[];
  /** Whether a value may be half written for good: its writer died. */
  readonly #writing = new Set<number>();

  constructor(world: World, map: number, rooms: readonly number[]) {
    this.#world = world;
    this.#map = map;
    this.#rooms = rooms;
  }

  #room(fiber: number): number {
    return this.#rooms[fiber] as number;
  }

  *write(fiber: number, number: number): Body {
    const { memory } = this.#world;
    const [key, value] = [this.#room(fiber), this.#room(fiber) + 8];
    memory.store(key, 1);
    for (const at of [0, 8, 12]) memory.store(value + at, number);
    // What is given in the lock's place is nobody's.
    memory.store(value + LOCK_AT, 0x7777);
    this.#writing.add(number);
    const result = (yield ["hashUpdate", this.#map, key, value, LOCK]) | 0;
    this.#writing.delete(number);
    if (result === -EBUSY) this.#world.saw(HELD);
    // An NMI that puts the key in anew takes no memory where the list is in use.
    else if (![0, -ETIMEDOUT, -ENOMEM].includes(result)) throw new Finding("value lock", `an update says ${result}`);
  }

  *read(fiber: number): Body {
    const result = (yield ["hashGetLocked", this.#map, this.#room(fiber), this.#room(fiber) + 8]) | 0;
    if (result === 0) this.#check(this.#room(fiber) + 8);
    else if (![-ENOENT, -EBUSY, -ETIMEDOUT].includes(result))
      throw new Finding("value lock", `a lookup says ${result}`);
  }

  *delete(fiber: number): Body {
    yield ["hashDelete", this.#map, this.#room(fiber)];
  }

  #check(value: number): void {
    const [first, lock, second, third] = [0, 4, 8, 12].map((at) => this.#world.memory.load(value + at));
    if (lock !== 0) throw new Finding("value lock", `a copy says that the lock is ${lock}`);
    if (first === second && second === third) return;
    // Only who is reaped may leave it so.
    const isReaped = this.#world.field(this.#world.areas[0] as number, "CpuArea", "owner") === 0;
    if (this.#writing.size === 0 || !isReaped)
      throw new Finding("value lock", `a value of several: ${first}, ${second}, ${third}`);
    this.#world.saw(DIED);
  }

  /** Nobody has the lock: CPU 1 gets it at once. */
  check(): void {
    const [key, value] = [this.#room(3), this.#room(3) + 8];
    this.#world.memory.store(key, 1);
    const read = this.#world.callOn(1, "hashGetLocked", this.#map, key, value) | 0;
    if (read === 0) this.#check(value);
    else if (read !== -ENOENT) throw new Finding("value lock", `at rest a lookup says ${read}`);
    for (const at of [0, 8, 12]) this.#world.memory.store(value + at, 9);
    const written = this.#world.callOn(1, "hashUpdate", this.#map, key, value, LOCK) | 0;
    if (written !== 0) throw new Finding("value lock", `at rest an update says ${written}`);
    this.#writing.clear();
    if (
      (this.#world.callOn(1, "hashGetLocked", this.#map, key, value) | 0) !== 0 ||
      this.#world.memory.load(value) !== 9
    )
      throw new Finding("value lock", "at rest the value is another one");
  }
}

export const valueLocksKilled: Scenario = {
  name: "value-locks-killed",
  doc: "Two CPUs and an NMI read and write a value under its lock, one deletes it, one is killed: values are whole, and the lock goes.",
  cpus: 2,
  bound: 2,
  reaches: [HELD, DIED, { in: "copyAround" }],
  prepare(world) {
    const pages = world.call("pagesInUse");
    const sizes = { kind: KIND_HASH, keySize: 4, valueSize: VALUE_BYTES, maxEntries: 4 };
    const map = world.createMap({ ...sizes, lock: LOCK_AT });
    const rooms = Array.from({ length: 4 }, () => world.scratch(8 + VALUE_BYTES));
    for (const room of rooms) world.memory.store(room, 1);
    for (const at of [0, 8, 12]) world.memory.store((rooms[0] as number) + 8 + at, 5);
    world.call("hashUpdate", map, rooms[0] as number, (rooms[0] as number) + 8, 0);
    return () => {
      const locked = new Locked(world, map, rooms);
      return withDeath(world, {
        fibers: [
          task(0, function* () {
            yield* locked.write(0, 1);
            yield* locked.read(0);
          }),
          task(1, function* () {
            yield* locked.read(1);
            yield* locked.delete(1);
            yield* locked.write(1, 2);
          }),
          interrupt("nmi", 0, () => locked.write(2, 3)),
        ],
        check: () => locked.check(),
        giveBack: () => void world.call("destroyMap", map),
        pages,
      });
    };
  },
};
