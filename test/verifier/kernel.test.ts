/** The same programs to Linux's verifier and to ours: as it was recorded, and where that can be done as the kernel answers now. */
import assert from "node:assert/strict";
import { release } from "node:os";
import { test } from "node:test";
import { verifyObject } from "../../src/load/verify.ts";
import { type Candidate, corpus } from "./kernel/corpus.ts";
import { offerToKernel } from "./kernel/offer.ts";
import { ONLY_HERE, ONLY_LINUX, type Reason } from "./kernel/reasons.ts";
import { digestOf, readRecorded } from "./kernel/recorded.ts";

const CANDIDATES = corpus();

interface Compared {
  readonly counts: { bothAccept: number; bothRefuse: number; onlyHere: number; onlyLinux: number };
  /** Disagreements that no reason is known for. */
  readonly unexplained: string[];
}

const isKnown = (reasons: readonly Reason[], said: string): boolean => reasons.some(({ says }) => says.test(said));

/** @param logs by candidate: the log's last line, or undefined where Linux accepts */
function compare(logs: readonly (string | undefined)[]): Compared {
  const counts = { bothAccept: 0, bothRefuse: 0, onlyHere: 0, onlyLinux: 0 };
  const unexplained: string[] = [];
  CANDIDATES.forEach(({ name, object }, index) => {
    const [verdict] = verifyObject(object);
    const log = logs[index];
    const ours = verdict?.verdict === "accepted";
    if (ours && log === undefined) counts.bothAccept++;
    else if (!ours && log !== undefined) counts.bothRefuse++;
    else if (log !== undefined) {
      counts.onlyHere++;
      if (!isKnown(ONLY_HERE, log)) unexplained.push(`${name}: only Linux refuses it: ${log}`);
    } else {
      counts.onlyLinux++;
      const said = `${verdict?.category}: ${verdict?.message}`;
      if (!isKnown(ONLY_LINUX, said)) unexplained.push(`${name}: only we refuse it: ${said}`);
    }
  });
  return { counts, unexplained };
}

/** The least part of programs that Linux accepts and we accept too. */
const LEAST_ACCEPTED = 0.97;

function check({ counts, unexplained }: Compared): void {
  assert.deepEqual(unexplained, []);
  const { bothAccept, onlyLinux } = counts;
  assert.ok(bothAccept / (bothAccept + onlyLinux) >= LEAST_ACCEPTED, JSON.stringify(counts));
  console.log(`# ${JSON.stringify(counts)}`);
}

test("as Linux 6.18 has answered, but for rules that are no safety", () => {
  const { rows } = readRecorded();
  const logs = CANDIDATES.map((candidate: Candidate) => {
    const row = rows.find(({ name }) => name === candidate.name);
    assert.equal(row?.digest, digestOf(candidate), `${candidate.name} is not what was recorded: npm run verdicts`);
    return row?.log;
  });
  check(compare(logs));
});

test("as the running kernel answers", (context) => {
  const verdicts = offerToKernel(CANDIDATES.map(({ object }) => object));
  if (typeof verdicts === "string") return context.skip(verdicts);
  const logs = verdicts.map((verdict) => (verdict.accepted ? undefined : verdict.log));
  check(compare(logs));
  const { kernel, rows } = readRecorded();
  if (kernel !== release()) return;
  assert.deepEqual(
    rows.map(({ log }) => log === undefined),
    logs.map((log) => log === undefined),
  );
});

test("every reason is one that the recording has", () => {
  const { rows } = readRecorded();
  const logs = rows.flatMap(({ log }) => (log === undefined ? [] : [log]));
  const idle = ONLY_HERE.filter(({ says }) => !logs.some((log) => says.test(log)));
  assert.deepEqual(
    idle.map(({ why }) => why),
    [],
  );
});
