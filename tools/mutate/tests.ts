/**
 * What `npm run mutate` asks of tests: all files that are named, in one process, which ends with the first test that fails.
 * Says a word after each test, as a sign of life.
 */
import { writeSync } from "node:fs";
import { resolve } from "node:path";
import { afterEach } from "node:test";
import { pathToFileURL } from "node:url";

afterEach((test) => {
  writeSync(1, `done ${test.name}\n`);
  // A hook is given the test that it stands behind; the types have the suite as well, which has no outcome.
  if ("passed" in test && test.passed === false) process.exit(1);
});
for (const file of process.argv.slice(2)) await import(pathToFileURL(resolve(file)).href);
