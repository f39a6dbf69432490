/**
 * Records what the running kernel's verifier answers to the programs of test/verifier/kernel, and which programs it lets call which
 * helpers and read what of their context: `npm run verdicts`, as root.
 */
import { release } from "node:os";
import { askKernel, recordAllowed } from "../../test/verifier/kernel/callers.ts";
import { askReads, recordReads } from "../../test/verifier/kernel/context-reads.ts";
import { corpus } from "../../test/verifier/kernel/corpus.ts";
import { offerToKernel } from "../../test/verifier/kernel/offer.ts";
import { RECORDED_FILE, record } from "../../test/verifier/kernel/recorded.ts";

const candidates = corpus();
const verdicts = offerToKernel(candidates.map(({ object }) => object));
if (typeof verdicts === "string") {
  console.error(`verdicts: ${verdicts}`);
  process.exit(1);
}
record(candidates, verdicts, release());
const accepted = verdicts.filter((verdict) => verdict.accepted).length;
console.log(`${RECORDED_FILE}: ${candidates.length} programs, ${accepted} accepted by Linux ${release()}`);

const allowed = askKernel();
if (typeof allowed === "string") throw new Error(allowed);
recordAllowed(allowed, release());
console.log(`callers: ${Object.keys(allowed).length} kinds of programs`);

const taken = askReads();
if (typeof taken === "string") throw new Error(taken);
recordReads(taken, release());
console.log(`loads of contexts: ${taken.filter((each) => each).length} of ${taken.length} are taken`);
