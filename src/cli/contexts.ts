/** `anyctx contexts`: the table of what an allocation may do in each context, measured now. */
import type { Command } from "commander";
import { CONTEXTS } from "../events/record.ts";
import { type ContextCell, INSERTS, measureContexts } from "../explore/check/contexts.ts";
import { type CommandRow, printJson } from "./command.ts";
import { heading, left, table } from "./text.ts";

function define(command: Command): void {
  command
    .summary("measure what an empty cache means in each context")
    .description(
      `Inserts ${INSERTS} new keys into a fresh dynamic hash in each context, and as many after the cache was refilled, ` +
        "on a normal kernel and on PREEMPT_RT, with both profiles. Each cell says how many succeeded.",
    )
    .option("--json", "print one JSON document on stdout instead of a table")
    .action(contexts);
}

export const contextsCommand: CommandRow = { name: "contexts", define };

/** What a cell says: how often inserts went on, or how many there were before -ENOMEM. */
function cellText({ first, second, refilledInside }: ContextCell): string {
  if (refilledInside) return `all ${first}`;
  return `${first}, then ${second}, then -ENOMEM`;
}

async function contexts({ json }: { readonly json?: true }): Promise<void> {
  const cells = await measureContexts();
  if (json) {
    printJson({ inserts: INSERTS, cells });
    return;
  }
  const columns = (["linux", "anyctx"] as const).flatMap((profile) =>
    [false, true].map((realTime) => ({ profile, realTime, name: `${profile}${realTime ? ", RT" : ""}` })),
  );
  const rows = CONTEXTS.map((context) => [
    context,
    ...columns.map(({ profile, realTime }) => {
      const cell = cells.find(
        (each) => each.context === context && each.profile === profile && each.realTime === realTime,
      );
      return cell === undefined ? "" : cellText(cell);
    }),
  ]);
  const rest = `inserts of ${INSERTS} into a fresh map, and again after a refill`;
  const names = [left("context"), ...columns.map(({ name }) => left(name))];
  process.stdout.write(`${[heading("contexts", rest), table(names, rows)].join("\n")}\n`);
}
