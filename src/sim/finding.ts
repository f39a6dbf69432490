/**
 * What the machine finds wrong. Thrown by checks and bodies; the machine catches it and adds the schedule.
 *
 * @example
 * ```ts
 * import { Finding, Objects, simulate, task } from "anyctx/sim";
 *
 * const report = await simulate({
 *   name: "one is left",
 *   cpus: 1,
 *   prepare(world) {
 *     const allocator = world.createAllocator(64);
 *     return () => {
 *       const objects = new Objects(world, allocator, 64);
 *       function* keep() {
 *         yield* objects.allocate();
 *       }
 *       return {
 *         fibers: [task(0, keep)],
 *         atRest() {
 *           if (objects.held.size !== 0) throw new Finding("left", `${objects.held.size} object is held`);
 *         },
 *       };
 *     };
 *   },
 * });
 * console.log(report.failure?.kind, report.failure?.message); // left 1 object is held
 * ```
 */
export class Finding extends Error {
  readonly kind: string;

  constructor(kind: string, message: string) {
    super(message);
    this.name = "Finding";
    this.kind = kind;
  }
}

/** A trap; where a check of the core failed, which one (core/base/check.ts): the stack names it. */
function trapFrom(thrown: Error): Finding {
  const [, file, line] = /(core\/[\w/-]+)\/check_failed_in_line_(\d+)/.exec(thrown.stack ?? "") ?? [];
  return file === undefined
    ? new Finding("trap", thrown.message)
    : new Finding("check", `the check in ${file}.ts:${line} failed`);
}

/** Anything that was thrown while a schedule ran, as a finding. */
export function findingFrom(thrown: unknown): Finding {
  if (thrown instanceof Finding) return thrown;
  if (thrown instanceof WebAssembly.RuntimeError) return trapFrom(thrown);
  return new Finding("assertion", thrown instanceof Error ? thrown.message : String(thrown));
}
