/** A shared map against JavaScript's own, as people read it. */
import type { MapsRow } from "../../bench/maps.ts";
import { count, heading, indent, left, right, spreadText, styled, table } from "../text.ts";

/** Rows that are about the same contents, beside the same. */
function groupsOf(rows: readonly MapsRow[]): MapsRow[][] {
  const groups = new Map<string, MapsRow[]>();
  for (const row of rows) {
    const key = `${row.contents} ${row.beside}`;
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return [...groups.values()];
}

function titles([first]: readonly MapsRow[]): string[] {
  return [first?.contents ?? "", "entries", "arena, ns", `${first?.beside}, ns`, "x as fast"];
}

function cells({ use, entries, arena, other, ratio }: MapsRow): string[] {
  return [use, count(entries), spreadText(arena, 1), spreadText(other, 1), spreadText(ratio, 2)];
}

/** One table, so that columns are as wide in all groups. */
function tableOf(groups: readonly (readonly MapsRow[])[]): string {
  const [first = []] = groups;
  const [title = "", ...names] = titles(first);
  const lines = groups.flatMap((group, index) => {
    const head = titles(group);
    const above = index === 0 ? [] : [head.map(() => ""), head.map((name) => styled("dim", name))];
    return [...above, ...group.map(cells)];
  });
  return table([left(title), ...names.map(right)], lines);
}

export function mapsParagraph(rows: readonly MapsRow[]): string {
  const rest = `of the arena and JavaScript's own, median (least-most) of ${rows[0]?.ratio.runs ?? 0} rounds of each in turn`;
  const docs = new Map(rows.map(({ use, doc }) => [`${use}: ${doc}`, use]));
  return [heading("maps", rest), tableOf(groupsOf(rows)), "", indent([...docs.keys()].join("\n"))].join("\n");
}
