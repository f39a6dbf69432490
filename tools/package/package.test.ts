/** The package as it is published: what is in it, that it installs nothing else, and that it works where it was installed. */
import assert from "node:assert/strict";
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { before, test } from "node:test";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { makeProject, mustRun, pack, run, typeErrors } from "./consumer.ts";

const FOLDER = "build/package";
let project = "";
let installed = "";

before(() => {
  project = makeProject(join(FOLDER, "project"), pack(FOLDER));
  installed = join(project, "node_modules/anyctx");
});

function files(): string[] {
  return readdirSync(installed, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** Runs a script in the project. */
function script(name: string, text: string): string {
  writeFileSync(join(project, name), text);
  return mustRun(process.execPath, [name], project, 60);
}

test("it installs nothing but itself", () => {
  const packages = readdirSync(join(project, "node_modules")).filter((name) => !name.startsWith("."));
  assert.deepEqual(packages, ["anyctx"]);
});

test("it has no recorded trace, no source map and no mention of one", () => {
  const wrong = files().filter(
    (path) =>
      /\.map$|\.trace(\.gz)?$|\.test\./.test(path) ||
      (path.endsWith(".js") && /^\/\/# sourceMappingURL/m.test(readFileSync(path, "utf8"))),
  );
  assert.deepEqual(wrong, []);
});

test("what its documents link to is in it", () => {
  const broken = files()
    .filter((path) => path.endsWith(".md"))
    .flatMap((path) =>
      [...readFileSync(path, "utf8").matchAll(/\]\(([^)#\s]+)[^)]*\)/g)]
        .map(([, to = ""]) => to)
        .filter((to) => !/^https?:/.test(to) && !existsSync(join(dirname(path), to)))
        .map((to) => `${path}: ${to}`),
    );
  assert.deepEqual(broken, []);
});

test("publint has nothing to say", async () => {
  const { messages, pkg } = await publint({ pkgDir: installed, pack: false, strict: true });
  assert.deepEqual(
    messages.map((message) => formatMessage(message, pkg)),
    [],
  );
});

test("a map is shared with a worker", () => {
  const output = script(
    "share.mjs",
    `import { once } from "node:events";
    import { isMainThread, Worker, workerData } from "node:worker_threads";
    import { Arena, u32, u64 } from "anyctx";
    if (isMainThread) {
      const arena = await Arena.create();
      const map = arena.createMap({ type: "hash", name: "map", key: u32, value: u64, maxEntries: 100 });
      await once(new Worker(new URL(import.meta.url), { workerData: arena.handle() }), "exit");
      console.log(map.get(7));
    } else {
      const arena = await Arena.attach(workerData);
      arena.openMap("map").set(7, 14n);
      arena.detach();
    }`,
  );
  assert.equal(output, "14n");
});

test("it works in a folder whose name a URL writes otherwise", () => {
  const folder = join(project, "a b #%41 \u00fc");
  cpSync(join(project, "node_modules"), join(folder, "node_modules"), { recursive: true });
  writeFileSync(
    join(folder, "simulate.mjs"),
    `import { simulate } from "anyctx/sim";
    const report = await simulate({ name: "nothing", cpus: 1, prepare: () => () => ({ fibers: [], atRest() {} }) });
    console.log(report.failure ?? "no failure");`,
  );
  assert.match(mustRun(process.execPath, ["simulate.mjs"], folder), /^no failure$/);
  const command = join(folder, "node_modules/anyctx/dist/cli/main.js");
  assert.match(mustRun(process.execPath, [command, "contexts"], folder), /all 400/);
});

test("require loads it too, on a Node that requires modules", () => {
  const { status, output } = run(process.execPath, ["-p", "require('anyctx').errnoName(-12)"], project);
  if (/ERR_REQUIRE_ESM/.test(output)) return;
  assert.equal(status, 0, output);
  assert.match(output, /ENOMEM$/);
});

test("the core comes as bytes, compiled, or from a URL", () => {
  const output = script(
    "core.mjs",
    `import { readFileSync } from "node:fs";
    import { createServer } from "node:http";
    import { fileURLToPath } from "node:url";
    import { Arena, u32 } from "anyctx";
    const file = new URL(import.meta.resolve("anyctx/core.wasm"));
    const bytes = readFileSync(fileURLToPath(file));
    const server = createServer((request, response) => {
      response.writeHead(request.url === "/core" ? 200 : 404, { "content-type": "text/plain" }).end(bytes);
    });
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    const base = "http://127.0.0.1:" + server.address().port;
    const module = await WebAssembly.compile(bytes);
    for (const core of [bytes, new Uint8Array(bytes).buffer, module, file, new URL(base + "/core")]) {
      const arena = await Arena.create({ core });
      const map = arena.createMap({ type: "hash", name: "map", key: u32, value: u32, maxEntries: 10 });
      console.log(map.set(1, 2).get(1));
    }
    for (const core of [new URL(base + "/none"), new Uint8Array(8), 7, new URL("file:///none.wasm")])
      await Arena.create({ core }).catch((error) => console.log(error.code, error.message.split(":")[0]));
    server.close();`,
  );
  assert.deepEqual(output.replace(/127\.0\.0\.1:\d+/g, "HOST").split("\n"), [
    ...Array.from({ length: 5 }, () => "2"),
    "BAD_ARENA Cannot load the core from http",
    "BAD_ARENA Cannot load the core from the bytes given",
    "EINVAL The option core is a WebAssembly.Module, its bytes or a URL",
    "BAD_ARENA Cannot load the core from file",
  ]);
});

test("the command line runs, from its one file", () => {
  const command = join(project, "node_modules/.bin/anyctx");
  assert.match(mustRun(command, ["contexts"], project), /all 400/);
  assert.match(mustRun(command, ["inspect", join(installed, "examples/bpf/memleak.bpf.o")], project), /on_kmalloc/);
  const rows = mustRun(command, ["bench", "maps", "--only", "get by text", "--rounds", "7"], project);
  assert.match(rows, /get by text +1,000 +[\d.]+ /);
  const { status, output } = run(command, ["bench", "replay"], project);
  assert.equal(status, 1);
  assert.match(output, /is in the repository, not in the package/);
});

test("its types compile without the DOM's and without Node's, by both ways of looking modules up", () => {
  assert.deepEqual(typeErrors(project, resolve("node_modules/typescript/bin/tsc")), []);
});
