/** `anyctx inspect`: what is in an object file, without loading it. */
import type { Command } from "commander";
import { type CommandRow, printJson } from "./command.ts";
import { describeObject } from "./describe.ts";
import { openObject } from "./object.ts";
import { inspectText } from "./print-inspect.ts";

function define(command: Command): void {
  command
    .summary("show what is in a BPF object")
    .description(
      "Shows an object's license, programs and what they attach to, maps, global variables and instructions.",
    )
    .argument("<object>", "object file made by clang -target bpf")
    .option("--json", "print one JSON document on stdout instead of tables")
    .action(async (path: string, { json }: { json?: true }) => {
      const description = describeObject(await openObject(path));
      if (json) printJson(description);
      else process.stdout.write(`${inspectText(description)}\n`);
    });
}

export const inspectCommand: CommandRow = { name: "inspect", define };
