/**
 * Reading the recorded trace: lines a second, gzip included, and the symbols found in it. `npm run build`, then
 * `node docs/measure/read-trace.mjs`.
 */
import { openEvents } from "../../dist/events/file.js";

const ROUNDS = 9;
const speeds = [];
for (let round = 0; round < ROUNDS; round++) {
  const trace = await openEvents("examples/data/kernel-events.trace.gz");
  const start = performance.now();
  let records = 0;
  for await (const batch of trace.batches) records += batch.count;
  speeds.push((records / (performance.now() - start)) * 1000);
  if (round === 0) console.log(`${records} records, ${trace.symbols.size} symbols, ${trace.symbols.collisions.length} met`);
}
speeds.sort((a, b) => a - b);
const [least, median, most] = [0, (ROUNDS - 1) / 2, ROUNDS - 1].map((at) => Math.round(speeds[at] / 1000));
console.log(`${median} thousand lines a second (${least} to ${most}, ${ROUNDS} rounds)`);
