#!/usr/bin/env node
/**
 * The command line. Whatever is wrong with what was given is one sentence on stderr: exit code 1 for files and values
 * that do not work, 2 for a command line that is no command line, 4 for what `--fail-on` names, 5 for a program that the verifier refuses. Results go to stdout, everything else to stderr.
 */
import { Command, CommanderError } from "commander";
import { AnyctxError } from "../error.ts";
import { adviseCommand } from "./advise.ts";
import { benchCommand } from "./bench.ts";
import { checkCommand } from "./check.ts";
import { type CommandRow, EXIT } from "./command.ts";
import { contextsCommand } from "./contexts.ts";
import { eventsCommand } from "./events.ts";
import { inspectCommand } from "./inspect.ts";
import { runCommand } from "./run.ts";
import { testCommand } from "./test.ts";
import { typesCommand } from "./types.ts";
import { verifyCommand } from "./verify.ts";
import { version } from "./version.ts";

const COMMANDS: readonly CommandRow[] = [
  runCommand,
  verifyCommand,
  testCommand,
  checkCommand,
  adviseCommand,
  inspectCommand,
  typesCommand,
  eventsCommand,
  contextsCommand,
  benchCommand,
];

function usageMessage(text: string): string {
  return text.replace(/^error: (.)/, (_, first: string) => `anyctx: ${first}`);
}

/** Commander's settings are copied to a subcommand when it is made, so they come first. */
export function createProgram(): Command {
  const program = new Command("anyctx")
    .description("Linux's any-context BPF memory allocator, its maps and its programs, without a kernel.")
    .version(version())
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(usageMessage(text)) })
    .showHelpAfterError("(--help shows the usage)");
  for (const { name, define } of COMMANDS) define(program.command(name));
  return program;
}

/** The sentence for an error that is not ours to hide: the file system's, or a bug, which keeps its message. */
function sentence(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const known = error instanceof AnyctxError || (error instanceof Error && "code" in error);
  return (known ? text : `internal error: ${text}`).replace(/\s*\n\s*/g, " ");
}

/** Runs a command line and says how it ended. */
export async function main(args: readonly string[]): Promise<number> {
  try {
    await createProgram().parseAsync(args, { from: "user" });
    return Number(process.exitCode ?? EXIT.ok);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    process.stderr.write(`anyctx: ${sentence(error)}\n`);
    if (process.env["ANYCTX_DEBUG"] !== undefined && error instanceof Error) console.error(error);
    return EXIT.failed;
  }
}

/** Whoever reads our output may stop reading (`| head`): that is no error. */
function endQuietlyOnBrokenPipe(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(EXIT.ok);
    throw error;
  });
}

endQuietlyOnBrokenPipe();
process.exitCode = await main(process.argv.slice(2));
// A standard input that was not read to its end must not keep the process.
process.stdin.unref?.();
