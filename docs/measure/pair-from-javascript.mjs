/**
 * An update and a delete of one element, called from JavaScript straight on the core's exports: `npm run build`, then
 * `node docs/measure/pair-from-javascript.mjs [core.wasm ...]`. Several cores are measured in turn in one process.
 */
import { readFileSync } from "node:fs";

const KEYS = 64;
const PAIRS = 400_000;
const ROUNDS = 15;
const HASH = 1;
const KEY_BYTES = 4;
const VALUE_BYTES = 8;
const ENTRIES = 1000;

function open(path) {
  const memory = new WebAssembly.Memory({ initial: 4, maximum: 4096, shared: true });
  const core = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(path)), { env: { memory } }).exports;
  if (core.arenaFormat(2, 4096, 1) !== 0) throw new Error("cannot format");
  core.takeCpu(0, 1);
  core.switchCpu(0);
  const map = core.createMap(HASH, KEY_BYTES, VALUE_BYTES, ENTRIES, 0, 0, 1) >>> 0;
  const key = core.allocateBytes(16) >>> 0;
  const words = new Uint32Array(memory.buffer, key, 4);
  return { path, core, map, key, words, taken: [] };
}

function round({ core, map, key, words }) {
  const start = performance.now();
  for (let pair = 0; pair < PAIRS; pair++) {
    words[0] = pair % KEYS;
    if ((core.hashUpdate(map, key, key + 8, 0) | core.hashDelete(map, key)) !== 0) throw new Error("an operation failed");
  }
  return ((performance.now() - start) * 1e6) / PAIRS;
}

const paths = process.argv.slice(2);
const cores = (paths.length === 0 ? ["build/core.wasm"] : paths).map(open);
for (let turn = 0; turn < ROUNDS + 3; turn++)
  for (const each of cores) {
    const nanoseconds = round(each);
    if (turn >= 3) each.taken.push(nanoseconds);
  }
for (const { path, taken } of cores) {
  taken.sort((a, b) => a - b);
  const [least, median, most] = [0, (ROUNDS - 1) / 2, ROUNDS - 1].map((at) => taken[at].toFixed(1));
  console.log(`${path}: ${median} ns a pair (${least} to ${most}, ${ROUNDS} rounds)`);
}
