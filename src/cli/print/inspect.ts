/** An object's description as people read it. */
import type { FunctionDescription, ObjectDescription } from "../describe.ts";
import { clip, count, heading, indent, left, plural, printable, right, styled, table } from "../text.ts";

export function inspectText(object: ObjectDescription): string {
  const { license, btfTypes } = object;
  const about = `license ${license === "" ? "not given" : printable(license)}, ${btfTypes === 0 ? "no BTF" : plural(btfTypes, "BTF type")}`;
  const paragraphs = [
    heading(printable(object.name), about),
    sections(object),
    programs(object),
    maps(object),
    variables(object),
    ...object.functions.map(listing),
  ];
  return paragraphs.filter((text) => text !== "").join("\n\n");
}

function sections({ sections }: ObjectDescription): string {
  const rows = sections.map(({ name, holds }) => [printable(name), clip(printable(holds), 60)]);
  return [heading("sections"), table([left("name"), left("holds")], rows)].join("\n");
}

function programs({ programs }: ObjectDescription): string {
  if (programs.length === 0) return heading("programs", "none");
  const rows = programs.map(({ name, section, attachesTo, instructions }) => [
    printable(name),
    attachesTo === undefined ? `(${clip(printable(section), 40)})` : printable(attachesTo),
    count(instructions),
  ]);
  const notes = programs.flatMap(({ name, cannotRun }) =>
    cannotRun === undefined ? [] : [styled("yellow", `${printable(name)} cannot run here: ${printable(cannotRun)}`)],
  );
  const drawn = table([left("name"), left("attaches to"), right("instructions")], rows);
  return [heading("programs"), drawn, ...notes.map(indent)].join("\n");
}

function maps({ maps }: ObjectDescription): string {
  if (maps.length === 0) return heading("maps", "none");
  const rows = maps.map((map) => [
    printable(map.name),
    map.type,
    String(map.keySize),
    String(map.valueSize),
    count(map.maxEntries),
    `0x${map.flags.toString(16)}`,
    map.elements,
  ]);
  const shared = maps.filter(({ pinned }) => pinned === true).map(({ name }) => printable(name));
  const notes = maps.flatMap(({ name, cannotUse }) =>
    cannotUse === undefined ? [] : [styled("yellow", `${printable(name)} cannot be used: ${printable(cannotUse)}`)],
  );
  const columns = [left("name"), left("type"), right("key"), right("value"), right("max_entries"), right("flags")];
  return [
    heading("maps"),
    table([...columns, left("elements")], rows),
    ...(shared.length === 0 ? [] : [indent(`pinned by name, and so shared with other objects: ${shared.join(", ")}`)]),
    ...notes.map(indent),
  ].join("\n");
}

function variables({ variables }: ObjectDescription): string {
  if (variables.length === 0) return "";
  const rows = variables.map(({ section, name, size, value }) => [
    printable(section),
    printable(name),
    String(size),
    clip(printable(typeof value === "string" ? value : (JSON.stringify(value) ?? "")), 50),
  ]);
  const columns = [left("section"), left("name"), right("bytes"), left("first value")];
  return [heading("global variables"), table(columns, rows)].join("\n");
}

function listing({ name, section, instructions }: FunctionDescription): string {
  const lines = instructions.flatMap(({ slot, text, refers, source }) => [
    ...(source === undefined
      ? []
      : [styled("dim", `; ${clip(printable(`${source.text}`), 80)}  ${printable(source.file)}:${source.line}`)]),
    `${String(slot).padStart(5)}: ${text}${refers === undefined ? "" : styled("cyan", `  # ${printable(refers)}`)}`,
  ]);
  return [heading(printable(name), printable(section)), ...lines].join("\n");
}
