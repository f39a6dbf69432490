/**
 * Data races under WebAssembly's memory model: two CPUs access the same word, one of them writes, one of them plainly,
 * and no chain of atomics orders the two. Vector clocks (Flanagan and Freund 2009, "FastTrack"); atomics are
 * sequentially consistent, so each one takes over what the last one at its address knew, and passes on what it knows.
 * The contexts of one CPU are one thread: they do not race.
 */
import { isAtomic, writes } from "../core.ts";
import type { Fiber } from "../fiber.ts";
import { Finding } from "../finding.ts";
import type { Machine, Observer } from "../machine.ts";
import { Symbols } from "../symbols.ts";
import { reasonFor } from "./allowed-races.ts";

/** Who touched a word last, by CPU: its clock then (0: never), and the site. */
interface Touch {
  readonly clocks: number[];
  readonly sites: number[];
}

interface Word {
  readonly plainReads: Touch;
  readonly plainWrites: Touch;
  readonly atomicReads: Touch;
  readonly atomicWrites: Touch;
}

export class RaceDetector implements Observer {
  readonly #machine: Machine;
  readonly #symbols: Symbols;
  readonly #kinds: Machine["world"]["table"]["kinds"];
  #clocks: number[][];
  #released = new Map<number, number[]>();
  #words = new Map<number, Word>();

  constructor(machine: Machine) {
    this.#machine = machine;
    this.#symbols = new Symbols(machine.world);
    this.#kinds = machine.world.table.kinds;
    this.#clocks = [];
    this.begin();
  }

  /** Forgets everything: a new run, which all CPUs begin in the same state. */
  begin(): void {
    const cpus = this.#machine.world.areas.length;
    this.#clocks = Array.from({ length: cpus }, (_, cpu) =>
      Array.from({ length: cpus }, (_, at) => (at === cpu ? 1 : 0)),
    );
    this.#released.clear();
    this.#words.clear();
  }

  access({ cpu }: Fiber, address: number, size: number, site: number): void {
    const kind = this.#kinds[site] ?? "load";
    const atomic = isAtomic(kind);
    const isWrite = writes(kind);
    const clock = this.#clocks[cpu] as number[];
    if (atomic && kind !== "atomic store") join(clock, this.#released.get(address) ?? []);
    for (let word = address >>> 2; word <= (address + size - 1) >>> 2; word++) {
      const touched = this.#word(word);
      this.#compare(touched.plainWrites, cpu, word, site);
      if (!atomic) this.#compare(touched.atomicWrites, cpu, word, site);
      if (isWrite) {
        this.#compare(touched.plainReads, cpu, word, site);
        if (!atomic) this.#compare(touched.atomicReads, cpu, word, site);
      }
      const mine = isWrite
        ? atomic
          ? touched.atomicWrites
          : touched.plainWrites
        : atomic
          ? touched.atomicReads
          : touched.plainReads;
      mine.clocks[cpu] = clock[cpu] as number;
      mine.sites[cpu] = site;
    }
    if (!atomic || kind === "atomic load") return;
    const released = this.#released.get(address) ?? clock.map(() => 0);
    join(released, clock);
    this.#released.set(address, released);
    clock[cpu] = (clock[cpu] as number) + 1;
  }

  /** Whoever reaps the CPU has been told of its thread's death by what the thread was a part of. */
  killed(cpu: number): void {
    for (const clock of this.#clocks) join(clock, this.#clocks[cpu] as number[]);
  }

  #word(word: number): Word {
    let found = this.#words.get(word);
    if (found === undefined) {
      const none = (): Touch => ({ clocks: this.#clocks.map(() => 0), sites: this.#clocks.map(() => 0) });
      found = { plainReads: none(), plainWrites: none(), atomicReads: none(), atomicWrites: none() };
      this.#words.set(word, found);
    }
    return found;
  }

  #compare({ clocks, sites }: Touch, cpu: number, word: number, site: number): void {
    const known = this.#clocks[cpu] as number[];
    for (let other = 0; other < clocks.length; other++) {
      if (other === cpu || (clocks[other] as number) <= (known[other] as number)) continue;
      const name = this.#symbols.nameOf(word * 4);
      const first = this.#place(sites[other] as number);
      const second = this.#place(site);
      if (reasonFor(name, first.inside, second.inside) === undefined)
        throw new Finding("data race", `${name}: ${first.text} on CPU ${other} and ${second.text} on CPU ${cpu}`);
    }
  }

  #place(site: number): { readonly text: string; readonly inside: string } {
    const { table } = this.#machine.world;
    const inside = table.functionOf[site] ?? "?";
    const file = table.files[table.fileOf[site] as number];
    return { inside, text: `${table.kinds[site]} in ${inside} (${file}:${table.lineOf[site]})` };
  }
}

function join(into: number[], from: readonly number[]): void {
  for (let cpu = 0; cpu < from.length; cpu++) into[cpu] = Math.max(into[cpu] as number, from[cpu] as number);
}
