/** The verifier's measurement as people read it. */
import type { VerifyRate } from "../../bench/verify.ts";
import { count, left, right, size, table } from "../text.ts";

export function verifyRatesParagraph(rates: readonly VerifyRate[]): string {
  const cells = rates.map(({ name, verdict, instructions, states, perSecond, milliseconds, peakBytes }) => [
    name,
    verdict,
    count(instructions),
    count(states),
    count(Math.round(perSecond.median)),
    `${milliseconds.median.toFixed(1)} (${milliseconds.minimum.toFixed(1)}-${milliseconds.maximum.toFixed(1)})`,
    size(peakBytes.maximum),
  ]);
  const counts = [right("instructions"), right("states"), right("a second"), right("ms"), right("peak memory")];
  return table([left("program"), left(""), ...counts], cells);
}
