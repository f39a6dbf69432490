/** A field of a context that programs may write to. */
export interface WritableField {
  readonly offset: number;
  readonly bytes: number;
  /** How many bytes a write may have, at a multiple of them; left out: all that the field has. */
  readonly widths?: readonly number[];
  /** Bits that are kept of what is written, as the kernel's own field has fewer; left out: all. */
  readonly kept?: number;
  /** A larger number is not written: what was there stays. */
  readonly most?: number;
}
