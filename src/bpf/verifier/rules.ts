/** Rules that are none of safety, and that kernels differ in: what a policy says besides which maps a program may use. */
import type { Policy } from "../policy.ts";

export interface Rules {
  /** Bytes of the stack that nothing was written to may be read. */
  readonly readsUnwrittenStack: boolean;
}

/** What is allowed where no kernel is named: all that is safe. */
export const OWN_RULES: Rules = { readsUnwrittenStack: true };

/** Linux allows it to programs with privileges since 6.3. */
export const RULES: Readonly<Record<Policy, Rules>> = {
  "linux-6.0": { readsUnwrittenStack: false },
  "linux-6.1": { readsUnwrittenStack: false },
};
