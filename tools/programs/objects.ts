/**
 * How much of a collection of objects loads: `npm run objects -- [FOLDER] [--runs] [--json]`. Without a folder: the objects inside of Debian's
 * libbpf-tools, where apt can fetch them. A line an object, reasons by how many programs they keep from loading, then
 * `NAME N/M load`: objects of which a program loads. Nothing is created in an arena: what is asked is whether programs link.
 */
import { parseArgs } from "node:util";
import { readObject } from "../../src/bpf/object/object.ts";
import { AnyctxError } from "../../src/error.ts";
import { tryPrograms } from "../../src/load/select.ts";
import { fetchPackage, type Named, OBJECT_FILE, objectsIn, PACKAGE } from "./libbpf-tools.ts";
import { runsTable, runTool, type ToolRun } from "./object-runs.ts";

interface Row {
  readonly name: string;
  readonly loaded: number;
  readonly programs: number;
  /** Why the object cannot be read at all. */
  readonly problem?: string;
  /** What keeps each of the other programs from loading. */
  readonly reasons: readonly string[];
}

/** Names, numbers and texts that differ from program to program are left out: what is counted is the kind of reason. */
function kindOf(reason: string): string {
  return reason
    .replace(/^instruction \d+( of function \S+)? \(.*?\): /, "")
    .replace(/^section \S+:? /, "")
    .replace(/; supported are .*$/, "");
}

function rowOf({ name, bytes }: Named): Row {
  try {
    const object = readObject(bytes, name);
    const { chosen, skipped } = tryPrograms(object, { enable: "all" });
    const reasons = skipped.map(({ reason }) => kindOf(reason));
    return { name, loaded: chosen.length, programs: object.programs.length, reasons };
  } catch (error) {
    if (!(error instanceof AnyctxError)) throw error;
    return { name, loaded: 0, programs: 0, problem: error.message, reasons: [] };
  }
}

function count(reasons: readonly string[]): [reason: string, count: number][] {
  const counts = new Map<string, number>();
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a);
}

function print(title: string, rows: readonly Row[]): void {
  for (const { name, loaded, programs, problem } of rows)
    console.log(
      problem === undefined ? `${name} ${loaded}/${programs} programs` : `${name} cannot be read: ${problem}`,
    );
  for (const [reason, programs] of count(rows.flatMap(({ reasons }) => reasons))) console.log(`${programs} ${reason}`);
  const sum = (of: (row: Row) => number): number => rows.reduce((total, row) => total + of(row), 0);
  const whole = rows.filter(({ loaded, programs }) => programs > 0 && loaded === programs).length;
  console.log(
    `${whole} with all of their programs; ${sum((row) => row.loaded)}/${sum((row) => row.programs)} programs`,
  );
  console.log(`${title} ${rows.filter(({ loaded }) => loaded > 0).length}/${rows.length} load`);
}

/** What comes of tools on recordings: a table, and how many give a result, for docs/events.md. */
async function runAll(objects: readonly Named[], json: boolean): Promise<void> {
  const rows: ToolRun[] = [];
  for (const { name, bytes } of objects) rows.push(await runTool(name.replace(OBJECT_FILE, ""), bytes));
  if (json) {
    console.log(JSON.stringify(rows, null, 2));
    return;
  }
  console.log(runsTable(rows));
  console.log(`${rows.filter(({ results }) => results > 0).length}/${rows.length} run with a result`);
}

const { values, positionals } = parseArgs({
  options: { json: { type: "boolean", default: false }, runs: { type: "boolean", default: false } },
  allowPositionals: true,
});
const [folder, ...rest] = positionals;
if (rest.length > 0) {
  console.error("usage: npm run objects -- [FOLDER] [--runs] [--json]");
  process.exit(2);
}
try {
  const objects = folder === undefined ? fetchPackage() : objectsIn(folder);
  const rows = values.runs ? [] : objects.map(rowOf);
  if (values.runs) await runAll(objects, values.json);
  else if (values.json) console.log(JSON.stringify(rows, null, 2));
  else print(folder ?? PACKAGE, rows);
} catch (error) {
  // Without apt there is nothing to be tried.
  console.log(`objects: skipped: ${error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error)}`);
}
