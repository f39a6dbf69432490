/** A program that runs on what happens on this thread, until the link is closed. */
import { checkFunction, checkOptions } from "../../arguments.ts";
import { AnyctxError } from "../../error.ts";
import { OUTPUTS, type PreparedOutput, type PreparedProgram, type RunCounts } from "../prepared.ts";
import type { ProgramSource, TypedProgram } from "../typed-object.ts";

/** Options that every source has. */
export interface LiveOptions extends PreparedOutput {
  /** What the program gets as its arguments, of those that the source has; by default as they come. */
  readonly take?: (...args: readonly never[]) => readonly unknown[];
}

export interface LiveLink extends RunCounts {
  /** Whether it runs: false puts it off, and what happens meanwhile is not seen. */
  isOn: boolean;
  /** The program runs no more, and the source is as it was. Twice does nothing. */
  close(): void;
  [Symbol.dispose](): void;
}

/** What a source does for one program. */
export interface Listening {
  /** Ends it. */
  stop(): void;
}

/** A row of the table of sources. */
export interface LiveSourceKind {
  readonly name: string;
  readonly doc: string;
  /** Types of programs that it runs. */
  readonly programs: readonly string[];
}

/**
 * A source for programs of some types.
 * @param own options that it has besides those of its output
 * @param listen begins to listen, and runs the program if it is on
 * @throws {AnyctxError} EINVAL: an option that there is not, or that is no function where one is wanted
 */
export function liveSource(
  { name, programs }: LiveSourceKind,
  options: LiveOptions,
  own: readonly string[],
  listen: (program: PreparedProgram, isOn: () => boolean) => Listening,
): ProgramSource<LiveLink> {
  checkOptions(name, options, [...OUTPUTS, ...own]);
  const { print, record, take } = options;
  for (const [option, value] of Object.entries({ print, record, take }))
    if (value !== undefined) checkFunction(name, option, value);
  return {
    attach(_, typed: TypedProgram): LiveLink {
      const program = typed.prepare({ ...(print && { print }), ...(record && { record }) });
      if (!programs.includes(program.type)) {
        program.close();
        throw new AnyctxError(
          "EINVAL",
          `${name} runs programs of type ${programs.join(", ")}; ${typed.name} is of type ${program.type}`,
        );
      }
      return linkOf(program, listen);
    },
  };
}

function linkOf(
  program: PreparedProgram,
  listen: (program: PreparedProgram, isOn: () => boolean) => Listening,
): LiveLink {
  let isOpen = true;
  const link: LiveLink = {
    isOn: true,
    get runs() {
      return program.runs;
    },
    get missed() {
      return program.missed;
    },
    get errors() {
      return program.errors;
    },
    get firstError() {
      return program.firstError;
    },
    close() {
      if (!isOpen) return;
      isOpen = false;
      listening.stop();
      program.close();
    },
    [Symbol.dispose]() {
      link.close();
    },
  };
  const listening = listen(program, () => link.isOn);
  // With its object.
  program.whenClosed(() => link.close());
  return link;
}

/** Puts arguments in place and runs. */
export function runOn(program: PreparedProgram, args: readonly unknown[]): void {
  for (let index = 0; index < args.length; index++) program.setArgument(index, args[index]);
  program.run();
}
