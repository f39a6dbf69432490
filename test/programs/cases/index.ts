import type { ProgramCase } from "../case.ts";
import { COUNTING } from "./counting.ts";
import { EDGES } from "./edges.ts";
import { FIREWALL } from "./firewall.ts";
import { FLOW_CASES } from "./flows.ts";
import { PARSING } from "./parsing.ts";
import { REWRITING } from "./rewriting.ts";
import { STRUCTURES } from "./structures.ts";
import { TEXT } from "./text.ts";
import { TIMES } from "./times.ts";

export const CASES: readonly ProgramCase[] = [
  ...COUNTING,
  ...FLOW_CASES,
  ...FIREWALL,
  ...REWRITING,
  ...PARSING,
  ...STRUCTURES,
  ...TEXT,
  ...TIMES,
  ...EDGES,
];
