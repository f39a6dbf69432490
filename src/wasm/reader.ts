/** What reads shared memory for reports needs of an arena, without holding a lock. */
import type { Core } from "./face.ts";

export interface Reader {
  readonly core: Core;
  readonly cpus: number;
  /** A u32 field of a structure in shared memory. */
  word(address: number): number;
}
