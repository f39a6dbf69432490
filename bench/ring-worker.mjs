/** A producer of bench/ring-threads.ts: puts records into a ring of the arena or of ringbuf.js, and tries again while it is full. */
import { parentPort, workerData } from "node:worker_threads";
import { RingBuffer } from "ringbuf.js";
import { Arena } from "../dist/index.js";

const { handle, storage, bytes } = workerData;
const arena = await Arena.attach(handle);
const [ours, wide] = ["ring", "wide ring"].map((name) => arena.openMap(name));
const theirs = new RingBuffer(storage, Uint8Array);
const record = new Uint8Array(bytes).fill(7);

const PUT = {
  arena: () => ours.output(record) === 0,
  wide: () => wide.output(record) === 0,
  ringbuf: () => theirs.availableWrite() >= bytes && theirs.push(record) === bytes,
};

parentPort.on("message", ({ ring, count }) => {
  const put = PUT[ring];
  for (let done = 0; done < count; ) if (put()) done++;
  parentPort.postMessage("done");
});
parentPort.postMessage("ready");
