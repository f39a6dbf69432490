/** The kinds of parameters that helpers have. */

import { CALLBACK } from "./callback.ts";
import { KEY, MAP, ROOM, VALUE } from "./maps.ts";
import { DESTINATION, SIZE, SOURCE, TEXT } from "./memory.ts";
import { FLAGS, SCALAR, WORD } from "./numbers.ts";
import type { ParameterKind } from "./parameter-kind.ts";
import { RECORD_ADDRESS } from "./records.ts";

export const PARAMETER_KINDS: readonly ParameterKind[] = [
  ...[MAP, KEY, VALUE, ROOM],
  ...[DESTINATION, TEXT, SIZE, SOURCE],
  ...[FLAGS, SCALAR, WORD],
  ...[RECORD_ADDRESS, CALLBACK],
];
