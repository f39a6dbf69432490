/** What programs and maps are called for people: with their object in front, where several were given. */
import { qualifiedName } from "../load/maps.ts";
import { printable } from "./text.ts";

/** `on_kfree`, or `memleak:on_kfree`. */
export function programName({ object, name }: { readonly object?: string | undefined; readonly name: string }): string {
  return printable(object === undefined ? name : `${object}:${name}`);
}

/** `allocs`, `memleak:allocs`, or `flows (ingress, egress)` of a map that objects share. */
export function mapName(name: string, objects: readonly string[] = []): string {
  return printable(objects.length > 1 ? `${name} (${objects.join(", ")})` : qualifiedName(name, objects));
}
