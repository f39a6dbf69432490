/** What events tell for those after them: of objects that stay, of calls that will return, and of owners of values that end. */
import { callOf } from "../bpf/kernel/call.ts";
import type { FunctionTypes } from "../bpf/kernel/functions.ts";
import { RecordReader } from "../bpf/kernel/object.ts";
import { RAW_ARGUMENTS } from "../bpf/programs/raw-tracepoint.ts";
import type { SourceEvent } from "../events/event.ts";
import { type EndingEvent, endingEvent } from "./ended-owners.ts";
import type { Keeper } from "./kept-facts.ts";
import { type CallEvent, callEvent } from "./open-calls.ts";

/** What an event tells for others after it. */
export interface Follower {
  readonly keeper: Keeper | undefined;
  readonly call: CallEvent | undefined;
  readonly ending: EndingEvent | undefined;
}

export function followerOf(event: SourceEvent, functions: FunctionTypes | undefined): Follower {
  const { name, format, function: found } = event;
  const call = found === undefined ? undefined : callOf(found, format, functions?.get(found.name));
  const told =
    call === undefined
      ? (RAW_ARGUMENTS[name] ?? []).flatMap((argument) => ("object" in argument ? [argument.object] : []))
      : [...call.arguments, call.returned].flatMap(({ object }) => object ?? []);
  const objects = told.filter(({ keeps = [] }) => keeps.length > 0);
  return {
    keeper: objects.length === 0 ? undefined : { reader: new RecordReader(format), objects },
    call:
      call === undefined || found === undefined
        ? undefined
        : callEvent(found.name, found.at === "return", call.arguments, format),
    ending: endingEvent(event),
  };
}
