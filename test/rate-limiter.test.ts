/** The example of a rate limiter: exact when threads compete for the last token, and as a server. */
import assert from "node:assert/strict";
import { Agent, get } from "node:http";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { Arena } from "../src/index.ts";

const at = (path: string): string => new URL(`../${path}`, import.meta.url).href;

interface Running {
  readonly ports: readonly number[];
  close(): Promise<void>;
}
interface Example {
  startServer(options: { perSecond: number; burst: number }): Promise<Running>;
}

test("four threads take 10,000 tokens each in one moment: as many succeed as there are", async () => {
  const arena = await Arena.create({ maximumBytes: 64 << 20, cpus: 5 });
  const { createBuckets, sweep } = (await import(at("examples/rate-limiter/limiter.mjs"))) as {
    createBuckets(arena: Arena, clients: number): { get(client: string): number | undefined; readonly size: number };
    sweep(buckets: unknown, now: number): number;
  };
  const buckets = createBuckets(arena, 100);
  const source = `
    const { parentPort, workerData } = await import("node:worker_threads");
    const { Arena } = await import(${JSON.stringify(at("dist/index.js"))});
    const { limiterOn } = await import(${JSON.stringify(at("examples/rate-limiter/limiter.mjs"))});
    const arena = await Arena.attach(workerData);
    const take = limiterOn(arena.openMap("buckets"), { perSecond: 10, burst: 777 });
    let taken = 0;
    for (let attempt = 0; attempt < 10000; attempt++) if (take("client", 5_000_000_000)) taken++;
    arena.detach();
    parentPort.postMessage(taken);`;
  const taken = await Promise.all(
    Array.from({ length: 4 }, () => {
      const url = new URL(`data:text/javascript,${encodeURIComponent(source)}`);
      const worker = new Worker(url, { workerData: arena.handle() });
      return new Promise<number>((resolve, reject) => {
        worker.once("message", resolve);
        worker.once("error", reject);
      });
    }),
  );
  assert.equal(
    taken.reduce((sum, count) => sum + count, 0),
    777,
  );
  assert.equal(buckets.get("client"), 5_000_000_000 + 777 * 100_000);
  assert.equal(sweep(buckets, 5_000_000_000), 0, "the bucket is not full yet");
  assert.equal(sweep(buckets, 5_000_000_000 + 777 * 100_000), 1);
  assert.equal(buckets.size, 0);
});

test("the server allows what the limit says, over all of its ports", { timeout: 60_000 }, async () => {
  const { startServer } = (await import(at("examples/rate-limiter/server.mjs"))) as Example;
  const [perSecond, burst] = [50, 30];
  const server = await startServer({ perSecond, burst });
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  const ask = (port: number, client: string): Promise<number> =>
    new Promise((resolve, reject) => {
      const request = get({ port, agent, headers: { "x-client": client } }, (response) => {
        response.resume();
        response.once("end", () => resolve(response.statusCode ?? 0));
      });
      request.once("error", reject);
    });
  try {
    const begin = performance.now();
    const answers: number[] = [];
    const flood = async (port: number): Promise<void> => {
      while (performance.now() - begin < 1000) answers.push(await ask(port, "greedy"));
    };
    await Promise.all(server.ports.map(flood));
    const seconds = (performance.now() - begin) / 1000;
    const allowed = answers.filter((status) => status === 200).length;
    assert.ok(answers.every((status) => status === 200 || status === 429));
    assert.ok(allowed <= burst + perSecond * seconds, `${allowed} in ${seconds} s`);
    // A flood of thousands leaves no token for long; a busy machine may pause it.
    assert.ok(allowed >= burst, `${allowed} of ${answers.length}`);
    assert.equal(await ask(server.ports[0] ?? 0, "modest"), 200, "another client has a bucket of his own");
    assert.equal(await ask(server.ports[1] ?? 0, "x".repeat(49)), 400);
  } finally {
    agent.destroy();
    await server.close();
  }
});
