/** Casts in a `print fmt` that cut nothing of the fields they are about are left out: what a field is, its format says. */
import type { EventField } from "../../event.ts";
import { type Expression, fieldsOf } from "../../tracepoints/expression.ts";

/** The expression with those casts only that may cut what it is about. */
export function withoutCasts(expression: Expression, fields: readonly EventField[]): Expression {
  const inner = (each: Expression): Expression => withoutCasts(each, fields);
  switch (expression.kind) {
    case "cast": {
      const operand = inner(expression.operand);
      const about = fields.filter(({ name }) => fieldsOf(operand).includes(name));
      const cutsNothing = about.length > 0 && about.every(({ size, count }) => size / count <= expression.bytes);
      return cutsNothing ? operand : { ...expression, operand };
    }
    case "unary":
      return { ...expression, operand: inner(expression.operand) };
    case "binary":
      return { ...expression, left: inner(expression.left), right: inner(expression.right) };
    case "choice":
      return { ...expression, test: inner(expression.test), yes: inner(expression.yes), no: inner(expression.no) };
    case "call":
      return { ...expression, arguments: expression.arguments.map(inner) };
    case "list":
      return { ...expression, items: expression.items.map(inner) };
    default:
      return expression;
  }
}
