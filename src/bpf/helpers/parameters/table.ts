/** The kinds of parameters that helpers have. */

import { CALLBACK } from "./callback.ts";
import { KEY, MAP, VALUE } from "./maps.ts";
import { DESTINATION, SIZE, SOURCE, TEXT } from "./memory.ts";
import { FLAGS, SCALAR } from "./numbers.ts";
import type { ParameterKind } from "./parameter-kind.ts";

export const PARAMETER_KINDS: readonly ParameterKind[] = [
  ...[MAP, KEY, VALUE],
  ...[DESTINATION, TEXT, SIZE, SOURCE],
  ...[FLAGS, SCALAR],
  CALLBACK,
];
