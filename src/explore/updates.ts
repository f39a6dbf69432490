/**
 * What a program's updates of maps go through while it is replayed: they are counted, and a forecast decides what the slab of
 * another kernel would have said.
 */
import type { CoreFunction, ProgramHost } from "../bpf/host.ts";
import { ERRNO } from "../error.ts";
import { MAP_KINDS } from "../maps/kinds.ts";

/** What a program asks for. */
export interface UpdateRequest {
  /** Address of the key, which is in the arena's memory. */
  readonly key: number;
  readonly flags: number;
}

/** Carries an update out, or refuses it. */
export type UpdateHook = (update: () => number, request: UpdateRequest) => number;

/** The core's functions by which programs update maps that may be dynamic. */
export const UPDATE_FUNCTIONS: readonly string[] = MAP_KINDS.flatMap(({ mayBeDynamic, program }) =>
  mayBeDynamic && program.update !== undefined ? [program.update] : [],
);

/** A host whose updates of the maps at these addresses go through a hook. */
export function hookUpdates(host: ProgramHost, hooks: ReadonlyMap<number, UpdateHook>): ProgramHost {
  const hooked = UPDATE_FUNCTIONS.map((name): [string, CoreFunction] => {
    const update = host.core[name] as CoreFunction;
    return [
      name,
      (address, ...rest) => {
        const hook = hooks.get(Number(address));
        if (hook === undefined) return update(address, ...rest);
        const [key = 0, , flags = 0] = rest;
        return hook(() => Number(update(address, ...rest)), { key: Number(key), flags: Number(flags) });
      },
    ];
  });
  return { ...host, core: { ...host.core, ...Object.fromEntries(hooked) } };
}

/** Updates of a map that an element was asked for, or would have been: what was refused for the flags or the size is not one. */
export function isAttempt(result: number): boolean {
  return result === 0 || result === -ERRNO.ENOMEM;
}
