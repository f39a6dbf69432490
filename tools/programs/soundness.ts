/**
 * Random programs that the verifier accepts, on the interpreter and compiled: `npm run soundness -- [--programs N] [--seed N]`. Ends with exit code 1
 * and the program where one does what was not proven, or another thing by one engine than by the other.
 */
import { parseArgs } from "node:util";
import { SingleBar } from "cli-progress";
import { runAccepted } from "../../test/verifier/run-accepted.ts";

const { values } = parseArgs({
  options: { programs: { type: "string", default: "1000000" }, seed: { type: "string", default: "1" } },
});
const [programs, seed] = [Number(values.programs), Number(values.seed)];
if (!Number.isInteger(programs) || programs < 1 || !Number.isInteger(seed)) {
  console.error("usage: npm run soundness -- [--programs N] [--seed N]");
  process.exit(2);
}
/** Programs of one seed: a failure names the seed that it is of. */
const PART = 10_000;
const bar = new SingleBar({ format: "accepted [{bar}] {value} of {total}", clearOnComplete: true, noTTYOutput: false });
bar.start(programs, 0);
const counts = { offered: 0, accepted: 0, runs: 0 };
for (let part = 0; counts.accepted < programs; part++) {
  const { offered, accepted, runs, wrong } = runAccepted(seed + part, Math.min(PART, programs - counts.accepted));
  counts.offered += offered;
  counts.accepted += accepted;
  counts.runs += runs;
  bar.update(counts.accepted);
  if (wrong.length > 0) {
    bar.stop();
    console.error(wrong.join("\n"));
    process.exit(1);
  }
}
bar.stop();
const { offered, accepted, runs } = counts;
console.log(
  `soundness: ${offered} programs offered, ${accepted} accepted, ${runs} runs, no access that was not proven, and the same compiled`,
);
