/** `anyctx inspect`: what is in an object file, without loading it. */
import type { Command } from "commander";
import { type CommandRow, printJson } from "./command.ts";
import { describeObject } from "./describe.ts";
import { openObject } from "./object.ts";
import { inspectText } from "./print/inspect.ts";

function define(command: Command): void {
  command
    .summary("show what is in BPF objects")
    .description(
      "Shows an object's license, programs and what they attach to, maps, global variables and instructions.",
    )
    .argument("<object...>", "object files made by clang -target bpf")
    .option("--json", "print one JSON document on stdout instead of tables, of several objects a list")
    .action(async (paths: readonly string[], { json }: { json?: true }) => {
      const objects = await Promise.all(paths.map((path) => openObject(path)));
      const descriptions = objects.map(describeObject);
      if (json) printJson(descriptions.length === 1 ? descriptions[0] : descriptions);
      else process.stdout.write(`${descriptions.map(inspectText).join("\n\n")}\n`);
    });
}

export const inspectCommand: CommandRow = { name: "inspect", define };
