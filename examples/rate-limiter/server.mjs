/**
 * An HTTP server of four threads with one limit for each client, whichever thread he comes to.
 *
 *   node examples/rate-limiter/server.mjs [FIRST_PORT]
 *   curl -H "x-client: me" http://127.0.0.1:8080/
 */
import { once } from "node:events";
import { argv } from "node:process";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { Arena } from "anyctx";
import { createBuckets, sweep } from "./limiter.mjs";

const THREADS = 4;
const SWEEP_MILLISECONDS = 1000;

/**
 * @param {{ perSecond: number, burst: number, maxClients?: number, firstPort?: number }} options firstPort 0: any ports
 * @returns the ports, one a thread, and what closes the server
 */
export async function startServer({ perSecond, burst, maxClients = 1_000_000, firstPort = 0 }) {
  const arena = await Arena.create({ maximumBytes: 1 << 28, cpus: THREADS + 1 });
  const buckets = createBuckets(arena, maxClients);
  const threads = Array.from({ length: THREADS }, (_, index) => {
    const port = firstPort === 0 ? 0 : firstPort + index;
    const workerData = { handle: arena.handle(), limit: { perSecond, burst }, port };
    return new Worker(new URL("./thread.mjs", import.meta.url), { workerData });
  });
  const ports = await Promise.all(threads.map(async (thread) => (await once(thread, "message"))[0]));
  const timer = setInterval(() => {
    sweep(buckets);
    arena.poll();
  }, SWEEP_MILLISECONDS);
  return {
    ports,
    buckets,
    async close() {
      clearInterval(timer);
      const ended = threads.map((thread) => once(thread, "exit"));
      for (const thread of threads) thread.postMessage("close");
      await Promise.all(ended);
      arena.detach();
    },
  };
}

if (import.meta.url === pathToFileURL(argv[1] ?? "").href) {
  const { ports } = await startServer({ perSecond: 10, burst: 20, firstPort: Number(argv[2] ?? 8080) });
  console.log(`ten requests a second and twenty at once for each client, on ports ${ports.join(", ")}`);
}
