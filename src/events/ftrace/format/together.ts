/** Numbers of a line that tell a field only together: a quotient and what is left, a sum with a field that is printed too. */
import type { EventField } from "../../event.ts";
import type { Expression } from "../../tracepoints/expression.ts";
import type { FtraceFormat } from "../../tracepoints/format.ts";
import type { Inverse } from "./inverse.ts";
import type { Beside, PrintItem } from "./print-item.ts";

const ALL = 0xffff_ffff_ffff_ffffn;
const WORD = 8;

interface Sum {
  /** What is printed without the other field. */
  readonly rest: Expression;
  readonly beside: Beside;
}

/** `REC->expires - REC->now`, behind items that tell `expires`: what it says is `-now`. */
export function sumWith(value: Expression, { fields }: FtraceFormat, items: readonly PrintItem[]): Sum | undefined {
  if (value.kind !== "binary" || !/^[-+]$/.test(value.operator)) return undefined;
  const wordIn = (side: Expression): EventField | undefined =>
    fields.find(
      ({ name, kind, size, count }) =>
        side.kind === "field" && side.name === name && kind === "number" && size === WORD && count === 1,
    );
  const [left, right] = [wordIn(value.left), wordIn(value.right)];
  if (left === undefined || right === undefined || left === right) return undefined;
  const isTaken = value.operator === "-";
  if (isTold(left, items) && !isTold(right, items)) {
    const rest: Expression = isTaken ? { kind: "unary", operator: "-", operand: value.right } : value.right;
    return { rest, beside: { field: left, sign: 1n } };
  }
  if (!isTold(right, items) || isTold(left, items)) return undefined;
  return { rest: value.left, beside: { field: right, sign: isTaken ? -1n : 1n } };
}

const isTold = (field: EventField, items: readonly PrintItem[]): boolean =>
  items.some(
    (item) =>
      (item.kind === "pointer" || (item.kind === "number" && item.covers === ALL && item.beside === undefined)) &&
      item.field === field,
  );

/** Quotients and what they leave, where a line has both: each is a part of the sum that the field is. */
export function asSums(items: readonly PrintItem[]): PrintItem[] {
  return items.map((item) => {
    if (item.kind !== "number" || item.inverse.division === undefined) return item;
    const { by, isRest } = item.inverse.division;
    const isPair = items.some(
      (other) =>
        other.kind === "number" &&
        other.field === item.field &&
        other.index === item.index &&
        other.inverse.division?.by === by &&
        other.inverse.division.isRest !== isRest,
    );
    if (!isPair) return item;
    const solve: Inverse["solve"] = (value) => ({ value: BigInt.asUintN(64, isRest ? value : value * by), known: ALL });
    const covers = BigInt.asUintN((item.field.size / item.field.count) * 8, ALL);
    return { ...item, covers, isSummand: true, inverse: { ...item.inverse, solve } };
  });
}
