/** The keys that one step of a walk copied, as they lie in memory. */
export interface WalkStep {
  readonly keys: Uint32Array;
  /** Ordered maps: what the keys are as of, for reading their entries where they were (core/maps/tree/ordered-walk.ts); 0: nothing. */
  readonly stamp: number;
}
