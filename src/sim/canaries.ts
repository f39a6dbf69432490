/**
 * Canaries: cores with one guard taken out. The machine has to find each of them within the smoke's budget, with the
 * scenario that the row names: a scenario that finds nothing in a broken core proves nothing about a whole one.
 */

export interface Edit {
  readonly file: string;
  /** The text as it is in the file, exactly once. */
  readonly guard: string;
  readonly without: string;
}

export interface Canary {
  readonly name: string;
  /** What is taken out, and what goes wrong then. */
  readonly doc: string;
  readonly edits: readonly Edit[];
  /** Name of the scenario that has to fail. */
  readonly scenario: string;
}

export const CANARIES: readonly Canary[] = [
  {
    name: "no-active-guard",
    doc: "An NMI that comes in while the free list is in use takes from it all the same.",
    edits: [
      {
        file: "core/alloc/cache.ts",
        guard: "  if (nested == 0) {\n    object = cache.free;",
        without: "  if (true) {\n    object = cache.free;",
      },
    ],
    scenario: "alloc-free-nmi",
  },
];
