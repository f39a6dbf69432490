/** One thread of the server: listens on a port of its own and asks the common buckets. */
import { createServer } from "node:http";
import { parentPort, workerData } from "node:worker_threads";
import { Arena } from "anyctx";
import { limiterOn } from "./limiter.mjs";

const { handle, limit, port } = workerData;
const arena = await Arena.attach(handle);
const take = limiterOn(arena.openMap("buckets"), limit);

function clientOf({ headers, socket }) {
  return headers["x-client"] ?? socket.remoteAddress ?? "unknown";
}

const server = createServer((request, response) => {
  try {
    const allowed = take(clientOf(request));
    response.writeHead(allowed ? 200 : 429, { "content-type": "text/plain" });
    response.end(allowed ? "welcome\n" : "too many requests\n");
  } catch (error) {
    // A name that is too long, or more clients than there is room for.
    response.writeHead(error.code === "EINVAL" ? 400 : 503, { "content-type": "text/plain" });
    response.end(`${error.message}\n`);
  }
});
server.listen(port, "127.0.0.1", () => parentPort.postMessage(server.address().port));

parentPort.on("message", () => {
  server.close(() => {
    arena.detach();
    parentPort.close();
  });
  server.closeAllConnections();
});
