/** `anyctx verify`: whether loading an object's programs is safe, and where one is refused an input with which it goes wrong. */
import { writeFile } from "node:fs/promises";
import { type Command, Option } from "commander";
import type { ObjectSpec } from "../bpf/object/spec.ts";
import type { Policy } from "../bpf/policy.ts";
import { CATEGORIES, isMemorySafety } from "../bpf/verifier/refusal.ts";
import { AnyctxError } from "../error.ts";
import { findCounterexample } from "../explore/counterexample/counterexample.ts";
import { type ProgramVerdict, verifyObject } from "../load/verify.ts";
import { type CommandRow, EXIT, printJson, wholeNumber } from "./command.ts";
import { openObjects } from "./objects.ts";
import { policyOption, setOption } from "./options.ts";
import { type VerifyRow, verifyText } from "./print/verify.ts";

interface VerifyCommandOptions {
  readonly policy?: Policy;
  readonly logLevel: number;
  readonly counterexample: boolean;
  readonly steps?: string;
  readonly set?: ReadonlyMap<string, string>;
  readonly json?: true;
}

const MOST_LEVEL = 2;

const HELP = `
Reasons for which programs are refused:
${Object.entries(CATEGORIES)
  .map(([name, { doc }]) => `  ${name.padEnd(14)} ${doc}`)
  .join("\n")}

With --json a list of programs; of several objects each program says its object. --set OBJECT:NAME=VALUE is for one of them.
Exit code 0: all programs are accepted; 5: some are refused; 1: there is no such object.

Examples:
  anyctx verify memleak.bpf.o
  anyctx verify memleak.bpf.o --policy linux-6.0 --json
  anyctx verify wrong.bpf.o --steps steps.json; anyctx test wrong.bpf.o --steps steps.json`;

function define(command: Command): void {
  command
    .summary("say whether objects' programs are safe to load, and why not")
    .description(
      "Looks at every path of objects' programs. Of a program that is refused it tells what is wrong, on which path, what " +
        "would help, and an input with which the refused access faults.",
    )
    .argument("<object...>", "object files made by clang -target bpf")
    .addOption(policyOption())
    .addOption(
      new Option(
        "--log-level <n>",
        "0: verdicts alone; 1: refusals with their paths; 2: what is known at each instruction",
      )
        .argParser(wholeNumber(0, MOST_LEVEL))
        .default(1),
    )
    .addOption(setOption())
    .option("--no-counterexample", "do not look for inputs with which refused accesses fault")
    .addOption(
      new Option("--steps <file>", "write the inputs that are found as steps of anyctx test").conflicts(
        "noCounterexample",
      ),
    )
    .option("--json", "print one JSON document on stdout instead of tables")
    .addHelpText("after", HELP)
    .action(verify);
}

export const verifyCommand: CommandRow = { name: "verify", define };

async function rowOf(object: ObjectSpec, verdict: ProgramVerdict, wanted: boolean): Promise<VerifyRow> {
  const { category } = verdict;
  if (!wanted || category === undefined || !isMemorySafety(category)) return { verdict };
  return { verdict, search: await findCounterexample(object, verdict) };
}

async function rowsOf(object: ObjectSpec, options: VerifyCommandOptions): Promise<VerifyRow[]> {
  const { policy, logLevel, counterexample } = options;
  const rules = policy === undefined ? {} : { policy };
  const rows: VerifyRow[] = [];
  for (const verdict of verifyObject(object, { ...rules, beliefs: logLevel >= MOST_LEVEL }))
    rows.push(await rowOf(object, verdict, counterexample));
  return rows;
}

async function verify(paths: readonly string[], options: VerifyCommandOptions): Promise<void> {
  const { logLevel, json = false, steps, set } = options;
  if (steps !== undefined && paths.length > 1)
    throw new AnyctxError("EINVAL", "--steps writes what anyctx test does with one object: give one");
  const all: { readonly object?: string; readonly row: VerifyRow }[] = [];
  for (const { object, label } of await openObjects(paths, set === undefined ? {} : { set })) {
    const rows = await rowsOf(object, options);
    if (!json) process.stdout.write(`${all.length === 0 ? "" : "\n"}${verifyText(object.name, rows, logLevel)}\n`);
    all.push(...rows.map((row) => ({ ...(label === undefined ? {} : { object: label }), row })));
  }
  if (json) printJson(all.map(({ row, ...whose }) => ({ ...whose, ...jsonOf(row) })));
  if (steps !== undefined)
    await writeSteps(
      steps,
      all.map(({ row }) => row),
    );
  if (all.some(({ row }) => row.verdict.verdict === "rejected")) process.exitCode = EXIT.rejected;
}

async function writeSteps(path: string, rows: readonly VerifyRow[]): Promise<void> {
  const steps = rows.flatMap(({ search }) => (search !== undefined && "found" in search ? search.found.steps : []));
  await writeFile(path, `${JSON.stringify(steps, null, 2)}\n`).catch((cause: NodeJS.ErrnoException) => {
    throw new AnyctxError("EINVAL", `cannot write ${path}: ${cause.code ?? cause.message}`, { cause });
  });
}

/** A row as `--json` has it: what is of use to programs, without what was linked. */
function jsonOf({ verdict, search = { why: "" } }: VerifyRow): object {
  const { linked: _, branches: __, ...rest } = verdict;
  if ("found" in search) return { ...rest, counterexample: search.found };
  return search.why === "" ? rest : { ...rest, noCounterexample: search.why };
}
