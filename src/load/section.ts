/** The read section that a run of a program is in. */
import type { LinkedProgram } from "../bpf/linked.ts";
import type { Core } from "../wasm/face.ts";

export interface Section {
  readonly enter: () => void;
  readonly leave: () => void;
}

/**
 * Of a program that may sleep it is one of tasks-trace: it holds up what waits for sleepers too, as memory of maps does, and no normal grace
 * period. Such a program asks for RCU itself (`bpf_rcu_read_lock`).
 */
export function sectionOf(core: Core, { sleepable }: Pick<LinkedProgram, "sleepable">): Section {
  return sleepable === true
    ? { enter: core.traceEnter, leave: core.traceLeave }
    : { enter: core.readEnter, leave: core.readLeave };
}
