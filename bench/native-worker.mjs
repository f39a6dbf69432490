/** A thread of bench/native.ts: the loop in a core of its own, on the arena's map. */
import { parentPort, workerData } from "node:worker_threads";
import { Arena } from "../dist/index.js";

const { handle, map, seed, operations, keys, mix } = workerData;
const arena = await Arena.attach(handle);
const { address } = arena.openMap(map).info;
const room = arena.allocate(16);
parentPort.on("message", () => {
  const found = arena.core.runMix(address, room, seed, operations, keys, mix.gets, mix.inserts, mix.removes);
  parentPort.postMessage(BigInt.asUintN(64, found));
});
parentPort.postMessage("ready");
