/** The kinds of parameters that helpers have. */

import { CALLBACK } from "./callback.ts";
import { KEY, MAP, ROOM, VALUE } from "./maps.ts";
import {
  CONTEXT,
  DESTINATION,
  DESTINATION_OR_NULL,
  DYNPTR,
  ITERATOR,
  LOCK,
  LONG_ROOM,
  SIZE,
  SOURCE,
  STRING,
  TEXT,
  TEXT_OR_NULL,
  TIMER,
  WORD_ROOM,
} from "./memory.ts";
import { FLAGS, SCALAR, WORD } from "./numbers.ts";
import type { ParameterKind } from "./parameter-kind.ts";
import { RECORD_ADDRESS } from "./records.ts";

export const PARAMETER_KINDS: readonly ParameterKind[] = [
  ...[MAP, KEY, VALUE, ROOM],
  ...[CONTEXT, DESTINATION, DESTINATION_OR_NULL, TEXT, TEXT_OR_NULL, SIZE, SOURCE, STRING],
  ...[LONG_ROOM, WORD_ROOM, LOCK, TIMER, DYNPTR, ITERATOR],
  ...[FLAGS, SCALAR, WORD],
  ...[RECORD_ADDRESS, CALLBACK],
];
