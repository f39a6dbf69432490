/** The kinds of parameters that helpers have. */

import { CALLBACK } from "./callback.ts";
import { CGROUP, OWN_CGROUP, OWN_SOCKET, OWN_TASK, SOCKET, TASK } from "./kernel.ts";
import { KEY, MAP, ROOM, VALUE } from "./maps.ts";
import {
  CONTEXT,
  DESTINATION,
  DESTINATION_OR_NULL,
  LONG_ROOM,
  SIZE,
  SOURCE,
  STRING,
  TEXT,
  TEXT_OR_NULL,
  WORD_ROOM,
} from "./memory.ts";
import { FLAGS, SCALAR, WORD } from "./numbers.ts";
import {
  KEPT_POINTER,
  LIST,
  LOCK,
  NODE,
  OWN_NODE,
  OWN_OBJECT,
  POINTEE,
  SHARED_OBJECT,
  TIMER,
  TREE,
  TYPE_NUMBER,
} from "./objects.ts";
import type { ParameterKind } from "./parameter-kind.ts";
import { RECORD_ADDRESS } from "./records.ts";
import {
  DYNPTR,
  DYNPTR_ROOM,
  ENDING_ITERATOR,
  INTERRUPTS,
  INTERRUPTS_ROOM,
  ITERATOR,
  ITERATOR_ROOM,
  PACKET_DYNPTR_ROOM,
  RECORD_DYNPTR,
  RECORD_DYNPTR_ROOM,
} from "./stack-objects.ts";

export const PARAMETER_KINDS: readonly ParameterKind[] = [
  ...[MAP, KEY, VALUE, ROOM],
  ...[CONTEXT, DESTINATION, DESTINATION_OR_NULL, TEXT, TEXT_OR_NULL, SIZE, SOURCE, STRING],
  ...[LONG_ROOM, WORD_ROOM, LOCK, TIMER, LIST, TREE, KEPT_POINTER],
  ...[TYPE_NUMBER, OWN_OBJECT, SHARED_OBJECT, POINTEE, OWN_NODE, NODE],
  ...[DYNPTR, DYNPTR_ROOM, RECORD_DYNPTR_ROOM, RECORD_DYNPTR, PACKET_DYNPTR_ROOM],
  ...[ITERATOR_ROOM, ITERATOR, ENDING_ITERATOR, INTERRUPTS_ROOM, INTERRUPTS],
  ...[SOCKET, OWN_SOCKET, TASK, OWN_TASK, CGROUP, OWN_CGROUP],
  ...[FLAGS, SCALAR, WORD],
  ...[RECORD_ADDRESS, CALLBACK],
];
