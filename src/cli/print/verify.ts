/** What the verifier found, as people read it: a row a program, then each refusal with its path. */
import { disassembleAt } from "../../bpf/isa/disassemble.ts";
import type { Belief, LinkedProgram } from "../../bpf/linked.ts";
import type { PathStep, Place } from "../../bpf/verifier/explain.ts";
import type { SearchResult } from "../../explore/counterexample/counterexample.ts";
import type { ProgramVerdict } from "../../load/verify.ts";
import { clip, count, heading, indent, left, plural, printable, right, styled, table, wrap } from "../text.ts";

/** A program with what was found of it; of a refused access also an input, or why there is none. */
export interface VerifyRow {
  readonly verdict: ProgramVerdict;
  readonly search?: SearchResult;
}

const WIDTH = 98;
const SOURCE_WIDTH = 60;
/** Steps of a path that are shown: the last ones. */
const MOST_STEPS = 12;

export function verifyText(path: string, rows: readonly VerifyRow[], level: number): string {
  const refused = rows.filter(({ verdict }) => verdict.verdict === "rejected");
  const total = `${plural(rows.length - refused.length, "program")} accepted, ${refused.length} refused`;
  return [
    heading("verify", printable(path)),
    verdictTable(rows),
    ...(level === 0 ? [] : refused.map(refusalText)),
    ...(level < 2 ? [] : rows.map(beliefText)),
    total,
  ]
    .filter((text) => text !== "")
    .join("\n\n");
}

function verdictTable(rows: readonly VerifyRow[]): string {
  const cells = rows.map(({ verdict: { program, section, verdict, category, instructions, states } }) => [
    printable(program),
    clip(printable(section), 40),
    verdict === "accepted" ? "accepted" : styled("red", `refused: ${category}`),
    count(instructions),
    count(states),
  ]);
  const columns = [left("program"), left("section"), left("verdict"), right("instructions"), right("states")];
  return rows.length === 0 ? "" : table(columns, cells);
}

function placeText({ file, line, instruction }: Place): string {
  return file === undefined ? `instruction ${instruction}` : `${printable(file)}:${line}`;
}

function refusalText({ verdict, search }: VerifyRow): string {
  const { program, section, category, message = "", suggestion, at, source, text, path, registers } = verdict;
  const where =
    at === undefined
      ? ""
      : `${placeText(at)}${source === undefined ? "" : `  ${clip(printable(source), SOURCE_WIDTH)}`}`;
  const held = Object.entries(registers ?? {}).map(
    ([name, holds]) => `${name.padEnd(4)} ${clip(printable(holds), WIDTH - 12)}`,
  );
  return [
    heading(printable(program), printable(section)),
    ...(where === "" ? [] : [indent(where)]),
    indent(wrap(`${category}: ${printable(message)}`, WIDTH)),
    ...(path.length === 0 ? [] : [indent(["how it gets there", ...stepLines(path, at?.file)].join("\n"))]),
    ...(suggestion === undefined ? [] : [indent(wrap(`what would help: ${printable(suggestion)}`, WIDTH))]),
    ...(at === undefined || text === undefined
      ? []
      : [indent(`instruction ${at.instruction}: ${text}`), indent(indent(held.join("\n")))]),
    ...(search === undefined ? [] : [searchText(search)]),
  ].join("\n");
}

/** @param file the file that the refusal is in: lines of it need no name */
function stepLines(path: readonly PathStep[], file: string | undefined): string[] {
  const shown = path.slice(-MOST_STEPS);
  const left = path.length - shown.length;
  return [
    ...(left === 0 ? [] : [`  ${plural(left, "step")} before`]),
    ...shown.map(
      (step) =>
        `  ${step.file === file && file !== undefined ? `line ${step.line}` : placeText(step)}  ${step.what}  ${clip(printable(step.source ?? step.text), SOURCE_WIDTH)}`,
    ),
  ].map((line) => clip(line, WIDTH));
}

function searchText(search: NonNullable<VerifyRow["search"]>): string {
  if ("why" in search) return indent(wrap(printable(search.why), WIDTH));
  const { found } = search;
  const steps = JSON.stringify(found.steps);
  return indent(
    [
      wrap(`an input with which it goes wrong: ${printable(found.fault)}`, WIDTH),
      "as steps of anyctx test:",
      ...(steps.match(new RegExp(`.{1,${WIDTH - 4}}`, "g")) ?? []).map((line) => `  ${printable(line)}`),
    ].join("\n"),
  );
}

/** What is known of the registers that each instruction reads. */
function beliefText({ verdict: { program, linked } }: VerifyRow): string {
  if (linked?.beliefs === undefined) return "";
  const lines = linked.instructions.flatMap((_, at) => {
    const text = disassembleAt(linked.instructions, at);
    return text === ""
      ? []
      : [clip(`${String(at).padStart(5)}: ${text.padEnd(40)} ${knownText(linked, at)}`.trimEnd(), WIDTH)];
  });
  return [heading(printable(program), "what is known at each instruction"), ...lines].join("\n");
}

function knownText({ beliefs = [] }: LinkedProgram, at: number): string {
  return beliefs
    .filter((belief) => belief.at === at)
    .map((belief) => `r${belief.register} ${believed(belief)}`)
    .join(", ");
}

function believed({ holds, smin, smax, umin, umax, map }: Belief): string {
  if (holds === "map") return `map 0x${map.toString(16)}`;
  const range = smin === smax ? `${smin}` : smin >= 0n ? `${umin}..${umax}` : `${smin}..${smax}`;
  return holds === "number" ? range : `${holds} + ${range}`;
}
