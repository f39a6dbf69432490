/** Prefills on several CPUs: on all of them or on none. */
import { LAYOUT } from "../wasm/face.ts";
import { cacheAddress } from "../wasm/sets.ts";
import type { Attachment } from "./attachment.ts";

/**
 * Prefills on every CPU that this thread holds. If one is refused, those before it get back what they had: what was
 * prefilled, and what their caches owned.
 * @param sets of caches that a prefill takes from: addresses
 * @param prefill on the CPU that the thread acts as: 0 or -errno
 * @returns 0, or the -errno of the CPU that refused
 */
export function prefillHeldCpus(attachment: Attachment, sets: readonly number[], prefill: () => number): number {
  const undo: (() => void)[] = [];
  let result = 0;
  attachment.onHeldCpus((cpu) => {
    const withdraw = sets.map((set) => withdrawal(attachment, set, cpu));
    result = prefill();
    if (result === 0)
      undo.push(() => {
        attachment.switchCpu(cpu);
        for (const step of withdraw) step();
      });
    return result === 0;
  });
  const before = attachment.cpu;
  if (result !== 0) for (const step of undo) step();
  attachment.switchCpu(before);
  return result;
}

/** Takes back what is prefilled from now on for a CPU by a set. */
function withdrawal(attachment: Attachment, set: number, cpu: number): () => void {
  const cache = cacheAddress(set, cpu);
  const owned = attachment.word(cache + LAYOUT.Cache.owned);
  const prefilled = attachment.word(cache + LAYOUT.Cache.prefilledCount);
  return () => attachment.core.withdrawPrefill(set, owned, prefilled);
}
