/** Deferred work at rest: what is raised is queued, and what needs work has raised it. */
import { Finding } from "../finding.ts";
import { hex } from "../objects.ts";
import type { World } from "../world.ts";
import { cachesOf } from "./lists.ts";

/** Caches in a CPU's queue of raised work. */
export function raisedOn(world: World, cpu: number): Set<number> {
  const raised = new Set<number>();
  let cache = world.field(world.areas[cpu] as number, "CpuArea", "work");
  for (; cache !== 0; cache = world.field(cache, "Cache", "workNext")) {
    if (raised.has(cache) || raised.size > 1000) throw new Finding("work", `CPU ${cpu} has ${hex(cache)} queued twice`);
    raised.add(cache);
  }
  return raised;
}

/** @param set of an allocator: `workRaised` says that a cache is queued, or nobody could ever raise it again */
export function checkWork(world: World, set: number): void {
  cachesOf(world, set).forEach((cache, cpu) => {
    const isQueued = raisedOn(world, cpu).has(cache);
    const isRaised = world.field(cache, "Cache", "workRaised") !== 0;
    if (isQueued !== isRaised)
      throw new Finding(
        "work",
        `CPU ${cpu}: work is ${isRaised ? "" : "not "}raised but ${isQueued ? "" : "not "}queued`,
      );
  });
}
