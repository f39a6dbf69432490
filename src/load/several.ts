/** Several objects in one arena, whose programs run together. */
import type { Arena } from "../arena/arena.ts";
import type { ObjectSpec } from "../bpf/object/spec.ts";
import { type LoadedObject, type LoadOptions, loadUndoably } from "./load.ts";
import { type LoadedMap, shortName } from "./maps.ts";

/** What objects are called beside each other: by their files' names, and where these are alike by the ways to them. */
export function labelsOf(objects: readonly Pick<ObjectSpec, "name">[]): string[] {
  const short = objects.map(({ name }) => shortName(name));
  const isAlone = (name: string): boolean => short.indexOf(name) === short.lastIndexOf(name);
  return objects.map(({ name }, index) => (isAlone(short[index] as string) ? (short[index] as string) : name));
}

/** An object and how it is loaded; with a label, where there are several. */
export interface Wanted {
  readonly object: ObjectSpec;
  readonly options: LoadOptions;
}

/**
 * Loads one after the other. A map that is pinned by its name is of all objects that have it.
 * @throws {AnyctxError} as `loadSpec`, of the first that does not load; no map of the others is left then either
 */
export function loadSeveral(arena: Arena, wanted: readonly Wanted[]): LoadedObject {
  const begun: ReturnType<typeof loadUndoably>[] = [];
  try {
    for (const { object, options } of wanted) begun.push(loadUndoably(arena, object, options));
  } catch (error) {
    for (const { undo } of begun.reverse()) undo();
    throw error;
  }
  const loaded = begun.map((each) => each.loaded);
  return {
    programs: loaded.flatMap(({ programs }) => programs),
    maps: eachOnce(loaded.flatMap(({ maps }) => maps)),
    skipped: loaded.flatMap(({ skipped }) => skipped),
    warnings: loaded.flatMap(({ warnings }) => warnings),
  };
}

/** Each map once, as the object that made it has it, with the labels of all that share it. */
function eachOnce(maps: readonly LoadedMap[]): LoadedMap[] {
  const byAddress = new Map<number, LoadedMap>();
  for (const each of maps) {
    const { address } = each.map.info;
    const known = byAddress.get(address);
    byAddress.set(address, known === undefined ? each : { ...known, objects: [...known.objects, ...each.objects] });
  }
  return [...byAddress.values()];
}
