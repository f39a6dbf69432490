/**
 * The threads of `tools/machine/kill.ts`. Victim and survivor do operations of every kind until the end, or as many as asked for; a
 * reaper reaps a dead victim, a helper refills one from outside, until they are dead themselves.
 */
import { parentPort, workerData } from "node:worker_threads";
import { Arena, bytes, u32, u64 } from "../../dist/index.js";

const [handle, second] = workerData.handles;
const arena = await Arena.attach(handle);
const dynamic = arena.openMap("dynamic");
const large = arena.openMap("large");
const perCpu = arena.openMap("percpu");
const preallocated = arena.openMap("preallocated");
const small = arena.openMap("small");
const uncached = arena.openMap("uncached");
const variable = arena.openMap("variable");
const ordered = arena.openMap("ordered");
const recent = arena.openMap("recent");
const recentPerCpu = arena.openMap("recent per CPU");
const growing = arena.openMap("growing");
const pages = arena.openMap("pages");
const allCpus = Array.from({ length: arena.cpus }, () => 1n);
const block = new Uint8Array(700).fill(7);
/** Of several classes, the largest a run of pages. */
const blocks = [0, 20, 100, 700, 3000, 9000].map((length) => new Uint8Array(length).fill(9));
let random = workerData.seed;

function next(limit) {
  random = (Math.imul(random, 1103515245) + 12345) >>> 0;
  return (random >>> 8) % limit;
}

/** Each does the work of about 100 updates and deletes. */
const LOADS = {
  dynamic() {
    for (let key = 0; key < 50; key++) dynamic.update(next(3000), 1n);
    for (let key = 0; key < 50; key++) dynamic.delete(next(3000));
  },
  burst() {
    for (let key = 0; key < 300; key++) dynamic.update(10_000 + key, 1n);
    for (let key = 0; key < 300; key++) dynamic.delete(10_000 + key);
  },
  large() {
    for (let key = 0; key < 50; key++) large.update(next(60), block);
    for (let key = 0; key < 25; key++) large.delete(next(60));
  },
  percpu() {
    for (let key = 0; key < 50; key++) perCpu.update(next(200), allCpus);
    for (let key = 0; key < 50; key++) perCpu.delete(next(200));
  },
  preallocated() {
    for (let key = 0; key < 50; key++) preallocated.update(next(200), block);
    for (let key = 0; key < 50; key++) preallocated.delete(next(200));
  },
  small() {
    for (let key = 0; key < 50; key++) small.update(next(8), 1n);
    for (let key = 0; key < 50; key++) small.delete(next(8));
  },
  maps() {
    const name = `of ${arena.cpu}`;
    // Whoever had this CPU before died over it, or a dead thread had the lock.
    if (arena.maps().some((map) => map.name === name)) arena.destroyMap(name);
    const map = arena.createMap({ type: "hash", name, key: u32, value: bytes(200), maxEntries: 500 });
    for (let key = 0; key < 40; key++) map.update(key, block.subarray(0, 200));
    map.close();
    arena.destroyMap(name);
  },
  allocator() {
    const allocator = arena.createAllocator({ objectSize: 100 });
    allocator.destroy();
  },
  trim() {
    LOADS.burst();
    arena.trim();
  },
  walk() {
    for (const _ of dynamic.keys());
  },
  uncached() {
    for (let key = 0; key < 50; key++) uncached.update(next(200), block.subarray(0, 100));
    for (let key = 0; key < 50; key++) uncached.delete(next(200));
    arena.poll();
  },
  ordered() {
    for (let key = 0; key < 50; key++) ordered.update(`key ${next(200)}`, blocks[next(blocks.length)]);
    for (let key = 0; key < 50; key++) ordered.delete(`key ${next(200)}`);
    [...ordered.keys()];
  },
  variable() {
    for (let key = 0; key < 50; key++) variable.update(`key ${next(200)}`, blocks[next(blocks.length)]);
    for (let key = 0; key < 50; key++) variable.delete(`key ${next(200)}`);
  },
  recent() {
    for (let key = 0; key < 50; key++) recent.update(next(600), block.subarray(0, 40));
    for (let key = 0; key < 20; key++) recent.get(next(600));
    for (let key = 0; key < 20; key++) recent.delete(next(600));
    for (let key = 0; key < 20; key++) recentPerCpu.update(next(200), allCpus);
    for (let key = 0; key < 10; key++) recentPerCpu.delete(next(200));
  },
  /** Who was given a page finds it empty, as nobody else frees it. What a dead thread had stays. */
  pages() {
    for (let turn = 0; turn < 20; turn++) {
      const count = 1 + next(6);
      const first = pages.allocatePages(count);
      if (first === undefined) break;
      if (pages.readBytes(first, 4096 * count).some((byte) => byte !== 0)) throw new Error("a page is soiled");
      pages.writeBytes(first, block);
      pages.freePages(first, count);
    }
    arena.poll();
  },
  growth() {
    const first = next(100) * 10_000;
    for (let key = first; key < first + 3000; key++) growing.update(key, 1n);
    for (let key = first; key < first + 3000; key++) growing.delete(key);
  },
  /** One map of all threads: whoever comes first creates it, whoever wants destroys it, some have it open. */
  lists() {
    try {
      arena.createMap({ type: "hash", name: "of all", key: u32, value: u64, maxEntries: 100 }).close();
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
    try {
      const map = arena.openMap("of all");
      map.update(1, 1n);
      map.close();
      if (next(4) === 0) arena.destroyMap("of all");
    } catch (error) {
      if (error.code !== "ENOENT") throw error;
    }
  },
  async attach() {
    const other = await Arena.attach(second);
    try {
      other.openMap("dynamic").update(next(3000), 1n);
    } finally {
      other.detach();
    }
  },
  /** In its sections all the while. */
  reader() {
    arena.core.readEnter();
    arena.core.traceEnter();
    LOADS.burst();
    LOADS.large();
    arena.core.traceLeave();
    arena.core.readLeave();
  },
};
const ALL = Object.keys(LOADS);
/** Only where it is asked for: a thread that never runs its own work has a helper. */
LOADS.nmi = () => {
  arena.core.contextSet(3, 0);
  LOADS.burst();
};

async function once(load) {
  try {
    await LOADS[load]();
    return 0;
  } catch (error) {
    // What has to wait until a dead thread is reaped says so.
    if (["ETIMEDOUT", "EBUSY", "ENOMEM"].includes(error.code)) return 1;
    throw error;
  }
}

function choose() {
  return workerData.load ?? ALL[next(ALL.length)];
}

function die(how) {
  if (how === "exit") process.exit(3);
  if (how === "throw") throw new Error("the victim throws");
}

/** Tells what CPU it has, then waits for a word. */
function ready() {
  return new Promise((resolve) => {
    parentPort.once("message", resolve);
    parentPort.postMessage(arena.cpu);
  });
}

async function victim() {
  await ready();
  const until = performance.now() + workerData.milliseconds;
  // A thread that is to be terminated works on until it is.
  while (workerData.how === "terminate" || performance.now() < until) await once(choose());
  die(workerData.how);
}

async function reaper() {
  const { handle: dead } = await ready();
  while (true) {
    arena.reap(dead);
    for (let count = 0; count < 10; count++) await once(choose());
  }
}

async function helper() {
  const { cpu } = await ready();
  while (true) for (let count = 0; count < 1000; count++) arena.core.serveCpu(cpu);
}

/** Works in slices, so that a question is answered in between. */
function survivor() {
  let refused = 0;
  parentPort.on("message", (message) => {
    if (message === "stop") {
      arena.detach();
      process.exit(0);
    }
    const started = performance.now();
    for (let key = 0; key < 200; key++) {
      if (dynamic.update(20_000 + key, BigInt(key)) !== 0) refused++;
      if (dynamic.get(20_000 + key) !== BigInt(key)) refused++;
      if (!dynamic.delete(20_000 + key)) refused++;
    }
    parentPort.postMessage({ milliseconds: performance.now() - started, refused });
    refused = 0;
  });
  const slice = async () => {
    const until = performance.now() + 5;
    while (performance.now() < until) await once(choose());
    setImmediate(slice);
  };
  parentPort.postMessage(arena.cpu);
  slice();
}

await { victim, reaper, helper, survivor }[workerData.role]();
