/** What belongs to a task or a socket goes when a recording tells that it is gone, or that another task has its number. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Arena } from "../arena/arena.ts";
import { readObject } from "../bpf/object/object.ts";
import { openEventStream } from "../events/open.ts";
import { loadSpec } from "../load/load.ts";
import { DEFAULT_RULE } from "./interrupts.ts";
import { replay } from "./ordered.ts";

const OBJECT = "src/bpf/fixtures/storage.bpf.o";

/** The counts in the values of a map's owners, after events as `pid: event`. */
async function countsAfter(map: "tasks" | "sockets", lines: readonly string[]): Promise<bigint[]> {
  const arena = await Arena.create({ cpus: 1 });
  const loaded = loadSpec(arena, readObject(readFileSync(OBJECT), OBJECT), {});
  const text = lines.map((line) => line.replace(/^(\d+): /, "  t-$1  [000] .....  1.000001: ")).join("\n");
  const stream = await openEventStream(
    (async function* () {
      yield new TextEncoder().encode(`${text}\n`);
    })(),
  );
  const nothing = (): void => undefined;
  const { counts } = await replay(arena, loaded.programs, stream, DEFAULT_RULE, nothing, nothing);
  assert.equal(counts.replayed, lines.length);
  assert.ok(counts.programs.every(({ errors }) => errors === 0));
  const owned = loaded.maps.find(({ spec }) => spec.name === map)?.map ?? assert.fail();
  const values = [...owned.values()].map((value) => new DataView((value as Uint8Array).buffer).getBigUint64(0, true));
  arena.detach();
  return values.sort();
}

/** How often the tasks that have values have made calls. */
const callsAfter = (...lines: readonly string[]): Promise<bigint[]> => countsAfter("tasks", lines);
const call = (pid: number): string => `${pid}: sys_enter: NR 39 (0, 0, 0, 0, 0, 0)`;
const fork = (parent: number, child: number): string =>
  `${parent}: sched_process_fork: comm=t pid=${parent} child_comm=t child_pid=${child}`;
const free = (pid: number): string => `2: sched_process_free: comm=t pid=${pid} prio=120`;

test("a task's value goes with it, and nobody else's", async () => {
  assert.deepEqual(await callsAfter(call(7), call(7), call(8)), [1n, 2n]);
  assert.deepEqual(await callsAfter(call(7), call(7), call(8), free(7)), [1n]);
});

test("a new task has no value, whatever one with its number had that nobody saw go", async () => {
  assert.deepEqual(await callsAfter(call(7), call(7), call(8), fork(8, 7), call(7)), [1n, 1n]);
  assert.deepEqual(await callsAfter(call(7), free(7), fork(8, 7), call(7), call(7)), [2n]);
});

test("a socket's value goes with it, and nobody else's; another one of the same ends has its own", async () => {
  const about = (event: string, port: number): string =>
    `7: ${event}: family=AF_INET sport=${port} dport=80 saddr=10.0.0.1 daddr=10.0.0.2 saddrv6=::ffff:10.0.0.1 daddrv6=::ffff:10.0.0.2 sock_cookie=${port}`;
  const [adjust, destroy] = ["tcp_rcv_space_adjust", "tcp_destroy_sock"];
  const lines = [about(adjust, 4001), about(adjust, 4001), about(adjust, 4002)];
  assert.deepEqual(await countsAfter("sockets", lines), [1n, 2n]);
  assert.deepEqual(await countsAfter("sockets", [...lines, about(destroy, 4001)]), [1n]);
  assert.deepEqual(await countsAfter("sockets", [...lines, about(destroy, 4001), about(adjust, 4001)]), [1n, 1n]);
});
