/** What a command is: one row of the table in main.ts, one file each. */
import { type Command, InvalidArgumentError } from "commander";
import { AnyctxError } from "../error.ts";

export interface CommandRow {
  readonly name: string;
  /** Adds arguments, options, help and the action to a command that has its name already. */
  readonly define: (command: Command) => void;
}

/** `stopped`: it worked, but runs of programs failed; `found`: it worked, and what `--fail-on` names is there; `rejected`: the verifier refuses a program. */
export const EXIT = { ok: 0, failed: 1, usage: 2, stopped: 3, found: 4, rejected: 5 } as const;

/** Prints a whole document on stdout: the only thing `--json` writes there. */
export function printJson(document: unknown): void {
  process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
}

/** A whole number from `least` to `most`, as an option's value. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (!/^\d+$/.test(text) || number < least || number > most)
      throw new InvalidArgumentError(`It should be a whole number from ${least} to ${most}.`);
    return number;
  };
}

/** A repeatable `NAME=VALUE` option: collects what `parse` makes of each value. */
export function assignments<T>(form: string, parse: (value: string) => T): Collect<T> {
  return (text, before) => {
    const [name = "", value = ""] = splitOnce(text);
    if (name === "" || value === "") throw new InvalidArgumentError(`It should have the form ${form}.`);
    return new Map([...(before ?? []), [name, parse(value)]]);
  };
}

type Collect<T> = (text: string, before: ReadonlyMap<string, T> | undefined) => ReadonlyMap<string, T>;

function splitOnce(text: string): string[] {
  const at = text.indexOf("=");
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

/** Turns the refusal of an option's value by the library into a usage error. */
export function asUsage<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof AnyctxError) throw new InvalidArgumentError(`${error.message}.`);
    throw error;
  }
}
