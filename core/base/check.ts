/**
 * What has to hold whatever happens: a failed check is a bug of the core, never of its callers. It traps, and the trap's stack
 * names the place: `core/mem/pages/check_failed_in_line_128`.
 *
 * The build writes each statement that calls one of these two in another way (tools/make/checks.ts). `check` is for slow paths and
 * stays in the core that ships. `expect` is for fast paths: a marker that only the simulator's core keeps. Neither may change
 * anything, and both stand on a line of their own.
 */

/** On slow paths. */
export function check(condition: bool): void {
  if (!condition) unreachable();
}

/** On fast paths: nothing of it ships. */
export function expect(condition: bool): void {
  if (!condition) unreachable();
}
