/** Cores that free a map too early that maps of maps have. */
import type { Canary } from "./canary.ts";

export const INNER_CANARIES: readonly Canary[] = [
  {
    name: "inner-map-not-held",
    doc: "A destroyed map goes although an entry has it.",
    scenario: "inner-map-destroyed-in-array",
    edits: [
      {
        file: "core/maps/inner.ts",
        guard: "  const named = anyNames(superblock().maps, inner) || anyNames(superblock().dyingMaps, inner);\n",
        without: "  const named = false;\n",
      },
    ],
  },
  {
    name: "destroyed-map-put-in",
    doc: "A map that has been destroyed is put into an entry.",
    scenario: "inner-map-destroyed-in-array",
    edits: [
      { file: "core/maps/inner.ts", guard: "  const living = isLiving(inner);\n", without: "  const living = true;\n" },
    ],
  },
];
