/**
 * Replays what Linux's allocator was recorded doing and compares: `npm run golden -- FILE.tsv`. Both formats of
 * test/data are known, by their header. Ends with `match N mismatch M`, in rows; exit code 1 if anything differs.
 */
import { readFileSync } from "node:fs";
import { compareGolden, type GoldenResult } from "../../test/golden/compare.ts";

const [path, profile = "linux", ...rest] = process.argv.slice(2);
if (path === undefined || rest.length > 0 || (profile !== "linux" && profile !== "anyctx")) {
  console.error("usage: npm run golden -- FILE.tsv [linux|anyctx]");
  process.exit(2);
}

let result: GoldenResult;
try {
  result = await compareGolden(readFileSync(path, "utf8"), profile);
} catch (error) {
  console.error(`golden: ${path}: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
}
for (const difference of result.differences.slice(0, 20)) console.log(difference);
if (result.differences.length > 20) console.log(`... and ${result.differences.length - 20} more`);
console.log(`match ${result.match} mismatch ${result.differences.length}`);
process.exit(result.differences.length === 0 ? 0 : 1);
