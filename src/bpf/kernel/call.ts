/** What an event of a function tells of the call: by the names of its fields, which whoever recorded it chose. */
import type { EventFormat, FunctionEvent } from "../../events/event.ts";
import type { FunctionArgument, FunctionType } from "./functions.ts";
import { addressOf, type EventReader, type KernelObject, TEXT, type Told, viewsOf, WHOLE } from "./object.ts";

/** Where functions find their arguments, and their callers the result, on x86-64. */
export const ARGUMENT_REGISTERS = ["di", "si", "dx", "cx", "r8", "r9"] as const;
const RESULT_NAMES = ["ret", "retval", "rv", "result", "ax", "arg1"];
/** Between an argument and a member of what it leads to: `file__f_inode__i_ino`. */
const INTO = "__";

/** An argument, or the result, as the event tells it. */
export interface CallValue {
  readonly name: string;
  /** The event's field that tells it, whose records may not. */
  readonly field?: string;
  /** Undefined: it tells nothing of it. */
  readonly read: ((event: EventReader) => bigint) | undefined;
  /** What it leads to, as far as it tells. */
  readonly object?: KernelObject;
}

export interface Call {
  readonly arguments: readonly CallValue[];
  readonly returned: CallValue;
}

function namesOf({ name }: FunctionArgument, index: number): readonly string[] {
  const register = ARGUMENT_REGISTERS[index];
  const registers = register === undefined ? [] : [register, `r${register}`];
  return [...(name === "" ? [] : [name]), `arg${index + 1}`, ...registers];
}

/** The fields that tell members of what an argument leads to, by the way to the member. */
function membersOf(format: EventFormat, names: readonly string[]): Map<string, string> {
  const members = new Map<string, string>();
  for (const { name: field } of format.fields)
    for (const name of names)
      if (field.startsWith(`${name}${INTO}`)) members.set(field.slice(name.length + INTO.length), field);
  return members;
}

function tellOf(format: EventFormat, field: string): (event: EventReader) => Told {
  const isNumber = format.fields.find(({ name }) => name === field)?.kind === "number";
  // A text's NUL, and bytes that are listed, are as they are.
  return isNumber ? (event) => event.number(field) : (event) => event.bytes(field);
}

function tellValue(format: EventFormat, argument: FunctionArgument, names: readonly string[]): CallValue {
  const { name, struct } = argument;
  const field = format.fields.find((each) => names.includes(each.name))?.name;
  const members = membersOf(format, names);
  const isNumber = format.fields.find((each) => each.name === field)?.kind === "number";
  const number = (event: EventReader): bigint | undefined =>
    field !== undefined && isNumber ? event.number(field) : undefined;
  if (struct === undefined && members.size === 0 && (field === undefined || isNumber))
    return field === undefined
      ? { name, read: undefined }
      : { name, field, read: (event) => BigInt.asUintN(64, number(event) ?? 0n) };
  const tells = Object.fromEntries([...members].map(([path, from]) => [path, tellOf(format, from)] as const));
  // A text that is given for a pointer is what it leads to.
  if (field !== undefined && !isNumber) tells[WHOLE] = tellOf(format, field);
  const object: KernelObject = {
    structs: viewsOf(struct ?? TEXT),
    identity: (event) => {
      const address = number(event);
      if (address !== undefined) return { address: BigInt.asUintN(64, address) };
      return Object.values(tells)
        .map((tell) => String(tell(event)))
        .join(" ");
    },
    tells,
    keeps: Object.keys(tells),
  };
  const isTold = field !== undefined || members.size > 0;
  return { name, object, read: isTold ? (event) => addressOf(object, event) : undefined };
}

/** @param type undefined: arguments are known by their numbers and registers alone */
export function callOf({ at }: FunctionEvent, format: EventFormat, type: FunctionType | undefined): Call {
  const parameters = type?.parameters ?? ARGUMENT_REGISTERS.map((name) => ({ name }));
  const returns = type?.returned ?? { name: "ret" };
  const isReturn = at === "return";
  // `arg1` is a kretprobe's own name for the result.
  const names = isReturn
    ? RESULT_NAMES.filter((name) => name !== "ax" || !parameters.some((each) => each.name === name))
    : [];
  return {
    arguments: parameters.map((parameter, index) => {
      const own = namesOf(parameter, index).filter((name) => !names.includes(name));
      return tellValue(format, parameter, own);
    }),
    returned: tellValue(format, returns, names),
  };
}
