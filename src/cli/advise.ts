/** `anyctx advise`: preallocated or dynamic, for each hash of an object on a recorded trace. */
import { basename } from "node:path";
import type { Command } from "commander";
import { AnyctxError } from "../error.ts";
import { openEvents } from "../events/file.ts";
import { type AdviceReport, adviseObject } from "../explore/advise.ts";
import { keepStream } from "../explore/recording.ts";
import { RULE_RANGE } from "../replay/interrupts.ts";
import { type CommandRow, printJson, wholeNumber } from "./command.ts";
import { openObject } from "./object.ts";
import { type AdviceDocument, adviceText } from "./print-advice.ts";
import { progressBar } from "./progress.ts";

interface AdviseOptions {
  readonly events: string;
  readonly formats?: string;
  readonly cpus: number;
  readonly json?: true;
}

const DEFAULT_CPUS = 8;
const MOST_CPUS = 1024;
/** Replays where updates fail, three for each kernel. */
const USUAL_REPLAYS = 6;

const HELP = `
Every figure is that of a replay with the semantics of Linux 6.18, every hash dynamic, on a kernel with PREEMPT_RT and
on one without. A recording does not say when interrupts came on, which is when refills run: updates that get -ENOMEM are
counted by two readings of it, and "no update fails" is said only where none fails in either. The burst is the most of them
that one CPU had between two refills: what it would need to have prefilled there (anyctx can, Linux 6.18 cannot).

Example:
  anyctx advise memleak.bpf.o --events trace.gz`;

function define(command: Command): void {
  command
    .summary("say which hashes should be preallocated")
    .description(
      "Replays a trace many times and tells for each hash of an object what it takes preallocated and dynamic, how " +
        "many updates would fail with -ENOMEM, at least and at most, and what to do.",
    )
    .argument("<object>", "object file made by clang -target bpf")
    .requiredOption("--events <file>", "text of tracefs' trace file, plain or gzipped")
    .option("--formats <folder>", "tracefs format files of the kernel that recorded the trace (its events/ folder)")
    .option("--cpus <n>", "possible CPUs; events of further CPUs are skipped", wholeNumber(1, MOST_CPUS), DEFAULT_CPUS)
    .option("--json", "print one JSON document on stdout instead of tables")
    .addHelpText("after", HELP)
    .action(advise);
}

export const adviseCommand: CommandRow = { name: "advise", define };

async function advise(path: string, options: AdviseOptions): Promise<void> {
  const { events, cpus, json = false } = options;
  if (events === "-") throw new AnyctxError("EINVAL", "advise reads a trace more than once: it takes a file, not -");
  const object = await openObject(path);
  const { formats } = options;
  const open = keepStream(() => openEvents(events, { cpus, ...(formats === undefined ? {} : { formats }) }));
  const bar = progressBar("replaying", USUAL_REPLAYS, !json);
  let report: AdviceReport;
  try {
    report = await adviseObject(object, open, { cpus, rules: RULE_RANGE }, bar.update);
  } finally {
    bar.stop();
  }
  const document: AdviceDocument = { object: basename(path), ...report };
  if (json) printJson(document);
  else process.stdout.write(`${adviceText(document)}\n`);
}
