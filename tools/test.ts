/** Runs every test file beside the code, or those whose path contains one of the words given. */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";

const words = process.argv.slice(2);
const files = ["core", "src", "bench", "test", "tools"]
  .flatMap((folder) => readdirSync(folder, { recursive: true, encoding: "utf8" }).map((name) => join(folder, name)))
  .filter((path) => path.endsWith(".test.ts"))
  .filter((path) => words.length === 0 || words.some((word) => path.includes(word)))
  .sort();
if (files.length === 0) {
  console.error(`no test file matches ${words.join(" ")}`);
  process.exit(1);
}
// What failed stands once more at the end, so that who sees only a log's last lines sees it too.
const { status } = spawnSync(process.execPath, ["--import", "tsx", "--test", "--test-reporter=spec", ...files], {
  stdio: "inherit",
});
process.exit(status ?? 1);
