/**
 * What a copy for each event would cost: records of 96 bytes copied one by one into a shared memory, against one copy
 * of a whole batch. `node docs/measure/copy-per-event.mjs`.
 */
const RECORD_BYTES = 96;
const RECORDS = 10_000;
const ROUNDS = 101;

const batch = new Uint8Array(RECORD_BYTES * RECORDS).fill(7);
const shared = new Uint8Array(new SharedArrayBuffer(batch.length));

function oneByOne() {
  for (let at = 0; at < batch.length; at += RECORD_BYTES) shared.set(batch.subarray(at, at + RECORD_BYTES), at);
}

for (const [name, copy] of [
  ["a copy for each event", oneByOne],
  ["one copy for the batch", () => shared.set(batch)],
]) {
  const taken = [];
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    copy();
    taken.push(((performance.now() - start) * 1e6) / RECORDS);
  }
  taken.sort((a, b) => a - b);
  const [least, median, most] = [0, (ROUNDS - 1) / 2, ROUNDS - 1].map((at) => taken[at].toFixed(1));
  console.log(`${name}: ${median} ns an event (${least} to ${most}, ${ROUNDS} rounds)`);
}
