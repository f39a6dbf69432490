/**
 * Replays what Linux answered to random sequences of map operations and compares: `npm run vectors -- FILE.jsonl.gz...`. A line a file,
 * `NAME sequences S same N differ D skipped K`, in operations; then why operations were skipped. Exit code 1 if anything differs.
 */
import { basename } from "node:path";
import { replaySequences } from "../../test/maps/replay.ts";
import { readSequences } from "../../test/maps/vectors.ts";

/** Differences that are shown of a file. */
const SHOWN = 10;

const paths = process.argv.slice(2);
if (paths.length === 0) {
  console.error("usage: npm run vectors -- FILE.jsonl.gz...");
  process.exit(2);
}

const reasons = new Map<string, number>();
let differ = 0;
for (const path of paths) {
  const { sequences, same, differences, skipped } = await replaySequences(readSequences(path));
  const count = [...skipped.values()].reduce((sum, each) => sum + each, 0);
  const name = basename(path, ".jsonl.gz");
  console.log(`${name} sequences ${sequences} same ${same} differ ${differences.length} skipped ${count}`);
  for (const difference of differences.slice(0, SHOWN)) console.log(`  ${difference}`);
  if (differences.length > SHOWN) console.log(`  ... and ${differences.length - SHOWN} more`);
  for (const [reason, each] of skipped) reasons.set(reason, (reasons.get(reason) ?? 0) + each);
  differ += differences.length;
}
for (const [reason, count] of [...reasons].sort(([, a], [, b]) => b - a)) console.log(`skipped ${count}: ${reason}`);
process.exit(differ === 0 ? 0 : 1);
