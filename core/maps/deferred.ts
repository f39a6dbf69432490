/**
 * When the deferred work of maps runs: that of the caches of their elements (alloc/deferred.ts), and of their tables
 * (maps/table/work.ts).
 */
import { interruptsOn } from "../alloc/deferred";
import { CpuArea } from "../cpu/area";
import { runTables } from "./table/work";

/** Interrupts came on again: raised work runs if the context allows it. One plain load when there is nothing to do. */
export function letWorkRun(area: CpuArea): void {
  if (load<u64>(changetype<usize>(area), offsetof<CpuArea>("work")) == 0) return;
  interruptsOn(area);
  runTables(area);
}
