/** A thread of bench/table-threads.ts: runs a loop on its own keys, in a core of its own or through the map from JavaScript. */
import { parentPort, workerData } from "node:worker_threads";
import { Arena } from "../dist/index.js";

const { handle, name, keys, mask, operations } = workerData;
const arena = await Arena.attach(handle);
const map = arena.openMap(name);
const room = arena.allocate(16);
const inTurn = new Uint32Array(arena.memory.buffer, keys, mask + 1);

/** As getsByArgument: how many keys were not there. */
function getsFromScript() {
  let failed = 0;
  for (let index = 0; index < operations; index++) if (map.get(inTurn[index & mask]) === undefined) failed++;
  return failed;
}

const inCore = (loop) => arena.core[loop](map.info.address, keys, mask, operations, room);

parentPort.on("message", (loop) => {
  parentPort.postMessage(loop === "getsFromScript" ? getsFromScript() : inCore(loop));
});
parentPort.postMessage("ready");
