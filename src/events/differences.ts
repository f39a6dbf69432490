/** How an event's format differs from another kernel's. */
import { type EventFormat, ownFields } from "./event.ts";

/** Fields of an event that lie elsewhere, are other ones, have come or gone, a sentence each; none: it is the same. */
export function differencesOf(format: EventFormat, other: EventFormat): string[] {
  const now = new Map(ownFields(format.fields).map((field) => [field.name, field]));
  const before = new Map(ownFields(other.fields).map((field) => [field.name, field]));
  const changed = [...now].flatMap(([name, field]) => {
    const known = before.get(name);
    if (known === undefined) return [`${name} has come`];
    const parts = [
      ...(field.offset === known.offset ? [] : [`at byte ${field.offset}, not ${known.offset}`]),
      ...(field.size === known.size ? [] : [`of ${field.size} bytes, not ${known.size}`]),
      ...(field.kind === known.kind && field.signed === known.signed ? [] : [`${shape(field)}, not ${shape(known)}`]),
    ];
    return parts.length === 0 ? [] : [`${name} is ${parts.join(", ")}`];
  });
  const gone = [...before.keys()].filter((name) => !now.has(name)).map((name) => `${name} has gone`);
  return [...changed, ...gone];
}

function shape({ kind, type, signed }: EventFormat["fields"][number]): string {
  return kind === "number" ? `${signed ? "signed" : "unsigned"} (${type})` : kind;
}
