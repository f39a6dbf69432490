/** The verifier's measurement as people read it. */
import type { VerifyRates } from "../bench/verify.ts";
import { count, heading, left, right, size, table } from "./text.ts";

export function verifyRatesParagraph({ rows, peakBytes }: VerifyRates): string {
  const cells = rows.map(({ name, verdict, instructions, states, perSecond, milliseconds }) => [
    name,
    verdict,
    count(instructions),
    count(states),
    count(Math.round(perSecond.median)),
    `${milliseconds.median.toFixed(1)} (${milliseconds.minimum.toFixed(1)}-${milliseconds.maximum.toFixed(1)})`,
  ]);
  const columns = [left("program"), left(""), right("instructions"), right("states"), right("a second"), right("ms")];
  return [heading("verify", `peak memory ${size(peakBytes)}`), table(columns, cells)].join("\n");
}
