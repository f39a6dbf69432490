/**
 * What bodies hold of an allocator: each object is filled while it is held and poisoned while it is not, so that nobody
 * is handed an object that another one holds, and nobody writes to one that is free.
 */
import { CONSTANTS } from "../wasm/face.ts";
import type { Call } from "./fiber.ts";
import { Finding } from "./finding.ts";
import type { World } from "./world.ts";

const POISON = 0xdeadbeef;
/** No object lies below: smaller results are errno. */
const FIRST_ADDRESS = 65536;

type Calls<T> = Generator<Call, T, number>;

export function hex(address: number): string {
  return `0x${(address >>> 0).toString(16)}`;
}

/**
 * An allocator's objects in the hands of a scenario's bodies.
 *
 * @example
 * ```ts
 * import { checkObjects, Objects, simulate, task } from "anyctx/sim";
 *
 * const report = await simulate({
 *   name: "allocated here, freed there",
 *   cpus: 2,
 *   prepare(world) {
 *     const allocator = world.createAllocator(64);
 *     return () => {
 *       const objects = new Objects(world, allocator, 64);
 *       function* giveAndTake() {
 *         yield* objects.allocate();
 *         for (const object of objects.held) if (!objects.freeing.has(object)) yield* objects.free(object);
 *       }
 *       return { fibers: [task(0, giveAndTake), task(1, giveAndTake)], atRest: () => checkObjects(world, objects) };
 *     };
 *   },
 * });
 * console.log(report.failure); // undefined
 * ```
 */
export class Objects {
  readonly #world: World;
  readonly allocator: number;
  readonly size: number;
  /** The set of this size. */
  readonly set: number;
  readonly held: Set<number> = new Set();
  /** Those whose free has not returned: of a thread that was killed they may be held for ever. */
  readonly freeing: Set<number> = new Set();
  readonly #freed = new Set<number>();
  #count = 0;

  constructor(world: World, allocator: number, size: number) {
    this.#world = world;
    this.allocator = allocator;
    this.size = size;
    this.set = world.call("objectSet", allocator, size);
  }

  /** Allocates an object; 0 if there is none (-ENOMEM). */
  *allocate(flags = 0): Calls<number> {
    const address = (yield ["objectAllocate", this.allocator, this.size, flags]) >>> 0;
    if (address < FIRST_ADDRESS) {
      if (address !== CONSTANTS.ENOMEM)
        throw new Finding("errno", `an allocation of ${this.size} bytes gave errno ${address}`);
      return 0;
    }
    this.take(address);
    return address;
  }

  /** As `allocate`, where the context table says that it cannot fail. */
  *allocateSurely(flags = 0): Calls<number> {
    const address = yield* this.allocate(flags);
    if (address === 0) throw new Finding("ENOMEM", "an allocation failed where memory is there and may be taken");
    return address;
  }

  *free(address: number): Calls<void> {
    this.drop(address);
    yield ["objectFree", address];
    this.freeing.delete(address);
  }

  *freeRcu(address: number): Calls<void> {
    this.drop(address);
    yield ["objectFreeRcu", address];
    this.freeing.delete(address);
  }

  /** Counts an object as held. */
  take(address: number): void {
    if (this.held.has(address)) throw new Finding("handed out twice", `${hex(address)} is held already`);
    if (this.#freed.has(address)) this.checkFree(address);
    this.held.add(address);
    this.#fill(address, 0xa110c000 + this.#count++);
  }

  drop(address: number): void {
    const first = this.#word(address, 0);
    for (let offset = 0; offset < this.size; offset += 4)
      if (this.#word(address, offset) !== first || first === POISON)
        throw new Finding("written while held", `${hex(address)} is not as its holder left it`);
    this.held.delete(address);
    this.freeing.add(address);
    this.#freed.add(address);
    this.#fill(address, POISON);
  }

  /** A free object is poisoned still, or its page has been somewhere else and is zero. */
  checkFree(address: number): void {
    if (!this.#freed.has(address)) return;
    const first = this.#word(address, 0);
    for (let offset = 0; offset < this.size; offset += 4) {
      const word = this.#word(address, offset);
      if (word !== first || (word !== POISON && word !== 0))
        throw new Finding("written while free", `${hex(address)}+${offset} is ${hex(word)}`);
    }
  }

  #word(address: number, offset: number): number {
    return this.#world.memory.load(address + offset);
  }

  #fill(address: number, value: number): void {
    for (let offset = 0; offset < this.size; offset += 4) this.#world.memory.store(address + offset, value);
  }
}
