/**
 * Mutants of the core (tools/mutate.ts) that no run can tell from it, and why. They are found by file and change, so a row
 * stays true when lines move; one whose text is changed asks to be judged anew.
 */
export interface Equivalent {
  readonly file: string;
  /** As the report of `npm run mutate` has it. */
  readonly change: string;
  readonly why: string;
}

export const EQUIVALENT: readonly Equivalent[] = [];
