/** What was proven on all paths together, for whoever would check it again: data that the linked program carries. */
import type { Proofs } from "../linked.ts";

export class ProofBook {
  /** Slots of which some path had a pointer that was proven, and of those of which some had something else. */
  readonly #proven = new Set<number>();
  readonly #open = new Set<number>();
  readonly #contextEnds = new Map<number, number>();

  /** An access through a pointer was found to lie inside of what the pointer leads to. */
  proven(at: number): void {
    this.#proven.add(at);
  }

  /** An access goes where only a run knows. */
  open(at: number): void {
    this.#open.add(at);
  }

  /** A context whose size only a run knows is read up to this byte. */
  readsContext(at: number, end: number): void {
    this.#contextEnds.set(at, Math.max(end, this.#contextEnds.get(at) ?? 0));
  }

  /** @param ends no loop goes round as often as a run says */
  proofs(slots: number, ends: boolean): Proofs {
    const inside = new Uint8Array(slots);
    for (const at of this.#proven) if (!this.#open.has(at)) inside[at] = 1;
    return { inside, contextEnds: this.#contextEnds, ends };
  }
}
