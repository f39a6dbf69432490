/** What `anyctx test` found, as people read it: a row a step, then what differs. */
import type { StepMap } from "../steps.ts";
import { clip, heading, indent, left, plural, printable, styled, table, wrap } from "../text.ts";

export interface StepResult {
  readonly program: string | undefined;
  /** r0 as a signed number of 64 bits. */
  readonly result: string | undefined;
  readonly packet: string | undefined;
  readonly printed: readonly string[];
  readonly error: string | undefined;
  readonly maps: Readonly<Record<string, StepMap>> | undefined;
  /** What is not as expected, a sentence each. */
  readonly differs: readonly string[];
}

export interface TestDocument {
  readonly steps: readonly StepResult[];
  readonly passed: number;
  readonly failed: number;
}

/** What was printed, or a value, is cut: `--json` has all of it. What differs is said in full. */
const WIDTH = 90;

export function testText(path: string, { steps, passed, failed }: TestDocument): string {
  const rows = steps.map(({ program, result, differs }, index) => [
    String(index + 1),
    printable(program ?? "-"),
    result ?? "-",
    differs.length === 0 ? "as expected" : styled("red", "differs"),
  ]);
  const columns = [left("step"), left("program"), left("result"), left("")];
  const details = steps.flatMap((step, index) => detailsOf(step, index + 1));
  return [
    heading("test", printable(path)),
    indent(table(columns, rows)),
    ...(details.length === 0 ? [] : [indent(details.join("\n"))]),
    `${plural(passed, "step")} as expected, ${failed} not`,
  ].join("\n\n");
}

function detailsOf({ printed, maps, differs }: StepResult, number: number): string[] {
  const lines = [
    ...printed.map((line) => `prints ${line}`),
    ...Object.entries(maps ?? {}).flatMap(([name, { items = [], records = [] }]) => [
      ...items.map((item) => entryText(name, item)),
      ...records.map((record) => `${name} is given ${record}`),
    ]),
  ];
  const said = (line: string): string => `step ${number}: ${printable(line)}`;
  return [...lines.map((line) => clip(said(line), WIDTH)), ...differs.map((line) => wrap(said(line), WIDTH))];
}

function entryText(map: string, { key, value }: NonNullable<StepMap["items"]>[number]): string {
  return `${map} ${key}: ${typeof value === "string" ? value : value.join(" ")}`;
}
