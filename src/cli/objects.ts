/** Objects that a command takes together. An option that names a program, a variable or a map is for every object that has it. */
import { basename } from "node:path";
import type { ObjectSpec } from "../bpf/object/spec.ts";
import { AnyctxError } from "../error.ts";
import { shortName } from "../load/maps.ts";
import { labelsOf } from "../load/several.ts";
import { type OpenOptions, prepareObject, readPath } from "./object.ts";

/** Options that say something of parts of objects, by name. */
export interface NamingOptions extends OpenOptions {
  readonly mapEntries?: ReadonlyMap<string, number>;
  readonly valueSize?: ReadonlyMap<string, number>;
}

/** An object as it was opened, and what is left of the options for whoever loads it. */
export interface Opened extends Pick<NamingOptions, "mapEntries" | "valueSize"> {
  readonly object: ObjectSpec;
  /** What it is called, where there are several. */
  readonly label?: string;
  /** None of its programs was asked for: its maps alone are. */
  readonly isIdle: boolean;
}

/** What options name. */
const NAMED: Readonly<Record<"program" | "variable" | "map", (object: ObjectSpec) => string[]>> = {
  program: ({ programs }) => programs.map(({ name }) => name),
  variable: ({ maps }) => maps.flatMap(({ variables = [] }) => variables.map(({ name }) => name)),
  map: ({ maps }) => maps.filter(({ contents }) => contents === undefined).map(({ name }) => name),
};

interface Named {
  readonly object: ObjectSpec;
  readonly label: string;
}

/** `NAME`, or `OBJECT:NAME`; the object by its label, its file's name or the way to it. */
function split(all: readonly Named[], text: string): { readonly of: readonly Named[]; readonly name: string } {
  const at = text.lastIndexOf(":");
  if (at < 0) return { of: all, name: text };
  const [whose, name] = [text.slice(0, at), text.slice(at + 1)];
  const of = all.filter(({ object, label }) =>
    [label, shortName(object.name), basename(object.name), object.name].includes(whose),
  );
  if (of.length > 0) return { of, name };
  const known = all.map(({ label }) => label).join(", ");
  throw new AnyctxError("EINVAL", `${text}: no object is called ${whose}; there are ${known}`);
}

/**
 * What an option says of each object. What is said of an object by its name counts before what is said of all.
 * @throws {AnyctxError} EINVAL: no object has what is named
 */
function scoped<T>(
  all: readonly Named[],
  what: keyof typeof NAMED,
  given: ReadonlyMap<string, T> | undefined,
): Map<ObjectSpec, ReadonlyMap<string, T>> {
  const result = new Map(all.map(({ object }) => [object, new Map<string, T>()]));
  const wholeFirst = [...(given ?? [])].sort(([a], [b]) => Number(a.includes(":")) - Number(b.includes(":")));
  for (const [text, value] of wholeFirst) {
    const { of, name } = split(all, text);
    const found = of.filter(({ object }) => NAMED[what](object).includes(name));
    // Of a single object whoever uses the option says what it has.
    if (found.length === 0 && all.length > 1) throw nobodyHas(of, what, name);
    for (const { object } of found.length === 0 ? of : found) result.get(object)?.set(name, value);
  }
  return result;
}

function nobodyHas(of: readonly Named[], what: keyof typeof NAMED, name: string): AnyctxError {
  const known = of.map(({ object, label }) => `${label} has ${NAMED[what](object).join(", ") || "none"}`);
  return new AnyctxError("EINVAL", `no object has a ${what} ${name}; ${known.join("; ")}`);
}

/** @throws {AnyctxError} as `openObject`; EINVAL for a file that is given twice, and for names that no object has */
export async function openObjects(paths: readonly string[], options: NamingOptions): Promise<Opened[]> {
  const twice = paths.find((path, index) => paths.indexOf(path) !== index);
  if (twice !== undefined) throw new AnyctxError("EINVAL", `${twice} is given twice`);
  const objects = await Promise.all(paths.map(readPath));
  const labels = labelsOf(objects);
  const all = objects.map((object, index) => ({ object, label: labels[index] as string }));
  const { programs, targetBtf } = options;
  const wanted = scoped(all, "program", programs && new Map(programs.map((name) => [name, true])));
  const attach = scoped(all, "program", options.attach);
  const set = scoped(all, "variable", options.set);
  const mapEntries = scoped(all, "map", options.mapEntries);
  const valueSize = scoped(all, "map", options.valueSize);
  const open = async ({ object: own, label }: Named): Promise<Opened> => {
    const names = programs && [...(wanted.get(own)?.keys() ?? [])];
    const object = await prepareObject(own, {
      ...(targetBtf === undefined ? {} : { targetBtf }),
      ...(names === undefined ? {} : { programs: names }),
      ...{ attach: attach.get(own) ?? new Map(), set: set.get(own) ?? new Map() },
    });
    const sizes = { mapEntries: mapEntries.get(own) ?? new Map(), valueSize: valueSize.get(own) ?? new Map() };
    return { object, ...sizes, ...(all.length > 1 ? { label } : {}), isIdle: names?.length === 0 };
  };
  return Promise.all(all.map(open));
}
