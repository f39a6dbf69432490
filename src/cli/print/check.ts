/** What a check found, as people read it: a table for each program, and how it gets there. */

import type { CheckedMap, CheckedProgram, CheckReport, FailingContext } from "../../explore/check/check.ts";
import { contextName } from "../../explore/check/schedule.ts";
import type { CheckCell } from "../../explore/check/search.ts";
import { kernelName, missingText } from "../advice/document.ts";
import { count, heading, indent, left, PROSE_WIDTH, plural, printable, table, wrap } from "../text.ts";

/** What `anyctx check --json` prints. */
export interface CheckDocument extends CheckReport {
  readonly object: string;
  readonly inputs: "generated" | "recorded" | "given";
}

const INPUTS: Readonly<Record<CheckDocument["inputs"], string>> = {
  generated: "generated inputs, all different",
  recorded: "recorded events",
  given: "the given context in every run",
};

export function checkText(document: CheckDocument): string {
  const { object, profile, inputs, programs, maps, skippedPrograms, missing } = document;
  const skipped = [
    ...skippedPrograms.map(({ name, reason }) => `${printable(name)} cannot run here: ${printable(reason)}`),
    ...(missing === undefined ? [] : missingText(missing)),
  ];
  return [
    heading("check", `${printable(object)}, profile ${profile}, ${INPUTS[inputs]}`),
    ...programs.map((program) => programText(program, document)),
    ...(maps.length === 0 ? [] : [[heading("maps"), ...maps.map(mapText)].join("\n")]),
    ...(skipped.length === 0 ? [] : [skipped.map((text) => indent(wrap(text, PROSE_WIDTH))).join("\n")]),
    boundText(document),
  ].join("\n\n");
}

function programText(program: CheckedProgram, { runs }: CheckDocument): string {
  const { name, section, note, entered = [], guard, cells } = program;
  return [
    heading(printable(name), printable(section)),
    ...(note === undefined ? [] : [indent(printable(note))]),
    ...(guard === undefined ? [] : [indent(wrap(`the guard: ${printable(guard)}`, PROSE_WIDTH))]),
    ...entered.map((text) => indent(wrap(`made up: ${printable(text)}`, PROSE_WIDTH))),
    ...(cells.length === 0 ? [] : [verdictTable(cells), ...scheduleLines(cells), ...prefillLines(cells, runs)]),
  ].join("\n");
}

/** What to do with a hash in Linux, which has no prefill. */
function mapText({ name, verdict, fails, failsElsewhere }: CheckedMap): string {
  const why = fails.length === 0 ? "no update can fail" : `dynamic, its updates can fail (${contextsText(fails)})`;
  const others =
    failsElsewhere.length === 0 ? "" : `; where the trace did not get to they can (${contextsText(failsElsewhere)})`;
  const reason = verdict === "no advice" ? "not all was looked at" : `${why}${others}`;
  return indent(wrap(`${printable(name)}  ${verdict}: ${reason}`, PROSE_WIDTH));
}

function contextsText(fails: readonly FailingContext[]): string {
  const kernels = [false, true].flatMap((realTime) => {
    const contexts = fails.filter((each) => each.realTime === realTime).map(({ context }) => contextName(context));
    return contexts.length === 0 ? [] : [`${kernelName({ realTime })}: ${contexts.join(", ")}`];
  });
  return kernels.join("; ");
}

function verdictTable(cells: readonly CheckCell[]): string {
  const kernels = [false, true].filter((realTime) => cells.some((cell) => cell.realTime === realTime));
  const contexts = [...new Set(cells.map(({ context }) => context))];
  const rows = contexts.map((context) => [
    contextName(context),
    ...kernels.map((realTime) => verdict(cells.find((cell) => cell.context === context && cell.realTime === realTime))),
  ]);
  return table([left("context"), ...kernels.map((realTime) => left(kernelName({ realTime })))], rows);
}

function verdict(cell: CheckCell | undefined): string {
  if (cell?.failure === undefined) return cell?.complete === false ? "not found" : "never";
  const { map, inserted } = cell.failure;
  return `-ENOMEM, ${printable(map)} after ${plural(inserted, "new key")}`;
}

function scheduleLines(cells: readonly CheckCell[]): string[] {
  const rows = cells.flatMap(({ realTime, failure }) =>
    failure === undefined
      ? []
      : [[kernelName({ realTime }), failure.schedule, failure.workRaised ? "refill asked for" : "no refill asked for"]],
  );
  return rows.length === 0 ? [] : ["", table([left("kernel"), left("shortest schedule"), left("then")], rows)];
}

/** Cells that the same prefill helps share a line. */
function prefillLines(cells: readonly CheckCell[], runs: number): string[] {
  const lines = new Map<string, string[]>();
  for (const { context, realTime, failure } of cells) {
    if (failure === undefined) continue;
    const maps = Object.entries(failure.prefill ?? {}).map(([map, objects]) => `${printable(map)} ${count(objects)}`);
    const text = failure.prefill === undefined ? "none is enough" : `${maps.join(", ")} on each CPU`;
    lines.set(text, [...(lines.get(text) ?? []), `${contextName(context)}${realTime ? " (RT)" : ""}`]);
  }
  const only = lines.size === 1;
  const all = [...lines].map(([text, where]) => `${text}${only ? "" : `: ${where.join(", ")}`}`);
  if (all.length === 0) return [];
  return [
    "",
    indent(
      [
        `prefill with which ${plural(runs, "run")} cannot fail (anyctx only: Linux 6.18 has none)`,
        ...all.map((line) => `  ${line}`),
      ].join("\n"),
    ),
  ];
}

function boundText({ runs, depth, programs }: CheckDocument): string {
  const cells = programs.flatMap((program) => program.cells);
  const bounds = depth.map(
    ({ switches, runs: most }) => `${plural(switches, "switch", "switches")} up to ${most} runs`,
  );
  const played = cells.reduce((sum, { schedules }) => sum + schedules, 0);
  const lines = [
    `up to ${plural(runs, "run")} of a context one after the other, and every schedule with`,
    `${bounds.join(" and ")}; ${plural(played, "schedule")} played`,
    "a switch: another context comes in, or interrupts come on",
    ...(cells.every(({ complete }) => complete)
      ? []
      : ['"not found": the search ended early, a program has too many places to be interrupted at']),
  ];
  return [heading("looked at"), indent(lines.join("\n"))].join("\n");
}
