/** Small programs with one thing wrong, each with what is said of it, and most with a twin that is right. */

import { BOUNDS } from "./bad/bounds.ts";
import { CALLS } from "./bad/calls.ts";
import { KEPT } from "./bad/kept.ts";
import { NULLS } from "./bad/nulls.ts";
import { OBJECTS } from "./bad/objects.ts";
import { ARGUMENTS, ARITHMETIC, OTHERS, UNINITIALIZED } from "./bad/others.ts";
import { PACKETS, TYPES } from "./bad/packets.ts";
import type { BadProgram } from "./bad/pieces.ts";
import { READ_ONLY, RELEASED } from "./bad/records.ts";
import { SECTIONED } from "./bad/sections.ts";
import { SIZED } from "./bad/sizes.ts";

export const BAD_PROGRAMS: readonly BadProgram[] = [
  ...[...NULLS, ...BOUNDS, ...PACKETS, ...TYPES, ...RELEASED, ...READ_ONLY],
  ...CALLS,
  ...[...KEPT, ...OBJECTS, ...SECTIONED, ...SIZED],
  ...[...ARGUMENTS, ...UNINITIALIZED, ...ARITHMETIC, ...OTHERS],
];
