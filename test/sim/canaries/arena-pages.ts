/** Cores in which pages of arena maps are given out, or go away, without a guard. */
import type { Canary } from "./canary.ts";

export const ARENA_CANARIES: readonly Canary[] = [
  {
    name: "arena-swept-at-once",
    doc: "A sweep gives marked runs back without waiting for a grace period: a reader may be in them.",
    scenario: "arena-killed",
    edits: [
      {
        file: "core/maps/arena/sweep.ts",
        guard: "peek(sweepWord(map)) == SWEEP_WAITING && isOver(map)",
        without: "peek(sweepWord(map)) == SWEEP_WAITING",
      },
    ],
  },
  {
    name: "arena-mark-kept",
    doc: "Whoever brings a page into an empty run lets a sweep's mark be: the run goes back while the page is zeroed.",
    scenario: "arena-swept",
    edits: [
      {
        file: "core/maps/arena/arena-map.ts",
        guard: "(word & ARENA_SWEPT) == 0 || claim(at, word, word & ~ARENA_SWEPT)",
        without: "(word & ARENA_ADDRESS) != 0",
      },
    ],
  },
  {
    name: "arena-pages-soiled",
    doc: "A page is given out with what its last owner left in it.",
    scenario: "arena-killed",
    edits: [
      {
        file: "core/maps/arena/arena-map.ts",
        guard: "if ((bits & (1 << page)) != 0) memory.fill(",
        without: "if (address == 0) memory.fill(",
      },
    ],
  },
  {
    name: "arena-run-twice",
    doc: "Whoever reaps a CPU does not look whether the run that was on its way is in its place: it is freed under its pages.",
    scenario: "arena-killed",
    edits: [
      {
        file: "core/maps/arena/sweep.ts",
        guard: "    if (isArenaRunOf(map, transfer.run)) transfer.run = 0;\n",
        without: "",
      },
    ],
  },
];
