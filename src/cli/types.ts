/** `anyctx types`: an object's maps, variables and programs as a TypeScript interface. */
import type { Command } from "commander";
import { declarationsOf } from "../load/declarations.ts";
import type { CommandRow } from "./command.ts";
import { openObject } from "./object.ts";

const HELP = `
Example:
  anyctx types memleak.bpf.o > memleak.d.ts

  import type { Memleak } from "./memleak.js";
  const object = await loadObject<Memleak>(arena, bytes);`;

function define(command: Command): void {
  command
    .summary("write an object's types for TypeScript")
    .description(
      "Writes what loadObject of anyctx/bpf is to be typed by: maps, global variables and programs of an object.",
    )
    .argument("<object>", "object file made by clang -target bpf -g")
    .addHelpText("after", HELP)
    .action(async (path: string) => {
      process.stdout.write(declarationsOf(await openObject(path)));
    });
}

export const typesCommand: CommandRow = { name: "types", define };
