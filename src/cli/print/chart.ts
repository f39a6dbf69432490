/** Histograms in characters: a line of bars in a table's cell, or a row a slot. */
import { count, styled } from "../text.ts";

const BARS = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"] as const;
const EMPTY = "·";

export interface Slots {
  /** Index of the first slot shown. */
  readonly first: number;
  readonly values: readonly number[];
}

/** Without the empty slots at both ends; nothing where all are empty. */
export function usedSlots(values: readonly (number | bigint)[]): Slots | undefined {
  const numbers = values.map(Number);
  const first = numbers.findIndex((value) => value !== 0);
  if (first < 0) return undefined;
  const last = numbers.findLastIndex((value) => value !== 0);
  return { first, values: numbers.slice(first, last + 1) };
}

/** `3: ▂█▃·▁`: the first slot's index, then a character for each slot. */
export function sparkline(values: readonly (number | bigint)[]): string {
  const slots = usedSlots(values);
  if (slots === undefined) return "all 0";
  const most = Math.max(...slots.values);
  const bar = (value: number): string =>
    value <= 0 ? EMPTY : (BARS[Math.min(BARS.length - 1, Math.floor((value / most) * BARS.length))] ?? EMPTY);
  return `${slots.first}: ${slots.values.map(bar).join("")}`;
}

const ROW_CHARACTERS = 50;

/** One line a slot: its index, its number, a bar. */
export function histogram(values: readonly (number | bigint)[]): string[] {
  const slots = usedSlots(values);
  if (slots === undefined) return ["all slots are 0"];
  const most = Math.max(...slots.values);
  const width = Math.max(...slots.values.map((value) => count(value).length));
  return slots.values.map((value, index) => {
    const bar = "█".repeat(Math.max(value > 0 ? 1 : 0, Math.round((Math.max(0, value) / most) * ROW_CHARACTERS)));
    return `${String(slots.first + index).padStart(4)}  ${count(value).padStart(width)}  ${styled("cyan", bar)}`.trimEnd();
  });
}
