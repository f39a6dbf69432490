/** Records what the running kernel's verifier answers to the programs of test/verifier/kernel: `npm run verdicts`, as root. */
import { release } from "node:os";
import { corpus } from "../test/verifier/kernel/corpus.ts";
import { offerToKernel } from "../test/verifier/kernel/offer.ts";
import { RECORDED_FILE, record } from "../test/verifier/kernel/recorded.ts";

const candidates = corpus();
const verdicts = offerToKernel(candidates.map(({ object }) => object));
if (typeof verdicts === "string") {
  console.error(`verdicts: ${verdicts}`);
  process.exit(1);
}
record(candidates, verdicts, release());
const accepted = verdicts.filter((verdict) => verdict.accepted).length;
console.log(`${RECORDED_FILE}: ${candidates.length} programs, ${accepted} accepted by Linux ${release()}`);
