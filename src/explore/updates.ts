/**
 * What a program's updates of maps go through while it is replayed: they are counted, and a forecast decides what the slab of
 * another kernel would have said.
 */
import type { CoreFunction, ProgramHost } from "../bpf/host.ts";
import { ERRNO } from "../error.ts";
import { MAP_KINDS } from "../maps/kinds.ts";

/** Carries an update out, or refuses it. Gets what a program gave, the map's address first. */
export type UpdateHook = (update: () => number) => number;

/** A host whose updates of the maps at these addresses go through a hook. */
export function hookUpdates(host: ProgramHost, hooks: ReadonlyMap<number, UpdateHook>): ProgramHost {
  const names = MAP_KINDS.flatMap(({ mayBeDynamic, program }) => (mayBeDynamic ? [program.update ?? ""] : []));
  const hooked = names.map((name): [string, CoreFunction] => {
    const update = host.core[name] as CoreFunction;
    return [
      name,
      (address, ...rest) => {
        const hook = hooks.get(Number(address));
        return hook === undefined ? update(address, ...rest) : hook(() => Number(update(address, ...rest)));
      },
    ];
  });
  return { ...host, core: { ...host.core, ...Object.fromEntries(hooked) } };
}

/** Updates of a map that an element was asked for, or would have been: what was refused for the flags or the size is not one. */
export function isAttempt(result: number): boolean {
  return result === 0 || result === -ERRNO.ENOMEM;
}
