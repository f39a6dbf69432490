/**
 * The library in a browser, as it ships: `npm run test:browser`. Skipped, with the reason, where there is no Chromium.
 */
import assert from "node:assert/strict";
import { cpSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { after, before, describe, test } from "node:test";
import { build } from "esbuild";
import type { Browser, Page } from "playwright-core";
import { COMPILED, compile, programsOf } from "../../tools/documents/documents.ts";
import { makeProject, pack, run } from "../../tools/package/consumer.ts";
import { launch, NO_BROWSER } from "./chromium.ts";
import { type LocalServer, serveFolder } from "./server.ts";

const SECONDS = 10;
const CALLBACKS_A_SECOND = 48_000 / 128;
const KEYS_A_CALLBACK = 5;
const FOLDER = "build/browser";
const VITE = "vite@8.3.8";

/** What examples/audio/main.js comes to. */
interface Played {
  readonly played: Readonly<Record<"callbacks" | "inserted" | "outOfMemory" | "busy" | "other", number>>;
  readonly page: { readonly operations: number; readonly longestMilliseconds: number };
  readonly reaped: readonly number[];
  readonly survivor: { readonly before: string; readonly after: string };
  readonly error?: string;
}

let browser: Browser;
const servers: LocalServer[] = [];

async function serve(folder: string, isolated = true): Promise<string> {
  const server = await serveFolder(folder, isolated);
  servers.push(server);
  return server.origin;
}

const GUIDE = "docs/audio.md";

/** The guide's programs as files that a page can load; their names, by the heading that they stand under. */
async function bundleGuide(out: string): Promise<ReadonlyMap<string, string>> {
  const text = readFileSync(GUIDE, "utf8");
  const folder = join(FOLDER, "documents");
  const programs = programsOf(GUIDE, text).filter(({ runs }) => !runs);
  assert.deepEqual(compile(programs, folder), []);
  const entryPoints = programs.map(({ file }) => join(folder, COMPILED, file.replace(/ts$/, "js")));
  const alias = { anyctx: resolve("dist/index.js") };
  await build({ entryPoints, outdir: out, bundle: true, format: "esm", alias, logLevel: "silent" });
  const pages = programs.filter(({ file }) => file.endsWith(".mts"));
  const headingOf = (line: number): string => {
    const headings = text
      .split("\n")
      .slice(0, line)
      .filter((each) => each.startsWith("## "));
    return headings.at(-1)?.slice(3) ?? "";
  };
  return new Map(
    pages.map(({ name, file }) => [
      headingOf(Number(name.split(":")[1])),
      file.slice(dirname(file).length).replace("mts", "js"),
    ]),
  );
}

/** What a page leaves in `window.result`; what goes wrong in it is an error here. */
async function resultOf(page: Page, url: string, milliseconds: number): Promise<unknown> {
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  await page.goto(url);
  const found = page.waitForFunction("window.result !== undefined", undefined, { timeout: milliseconds });
  await found.catch((error: Error) => {
    throw new Error(`${error.message}; the page says: ${problems.join("; ") || "nothing"}`);
  });
  return page.evaluate("window.result");
}

/** A fresh page, closed afterwards. */
async function withPage<T>(use: (page: Page) => Promise<T>): Promise<T> {
  const context = await browser.newContext();
  try {
    return await use(await context.newPage());
  } finally {
    await context.close();
  }
}

describe("in Chromium", { skip: NO_BROWSER }, () => {
  before(async () => {
    browser = await launch();
  });

  after(async () => {
    for (const server of servers) server.close();
    await browser.close();
  });

  for (const server of ["page", "worker"])
    test(`page, two busy workers and a worklet share a map for ${SECONDS} s, one worker ends in the middle; the ${server} serves`, async (context) => {
      const origin = await serve(".");
      const url = `${origin}/examples/audio/index.html?auto&seconds=${SECONDS}&server=${server}`;
      const result = (await withPage((page) => resultOf(page, url, 60_000))) as Played;
      context.diagnostic(JSON.stringify(result));
      assert.equal(result.error, undefined);
      const { callbacks, inserted, outOfMemory, busy, other } = result.played;
      assert.ok(callbacks > SECONDS * CALLBACKS_A_SECOND * 0.9, `${callbacks} callbacks: it ran all the time`);
      assert.equal(outOfMemory, 0, "not one -ENOMEM");
      assert.equal(other, 0, "and nothing else but a busy bucket");
      assert.equal(inserted + busy, callbacks * KEYS_A_CALLBACK);
      assert.ok(busy < inserted / 4, `${busy} of ${inserted} met a busy bucket`);
      assert.equal(result.reaped.length, 1, "the ended worker's slot is free");
      const progress = Number(result.survivor.after) - Number(result.survivor.before);
      assert.ok(progress > inserted / 8, `the other worker took ${progress} more after that`);
      assert.ok(result.page.operations > SECONDS * 1000, `the page did ${result.page.operations} operations`);
      assert.ok(result.page.longestMilliseconds < 500, "and never waited as long as for a dead thread");
    });

  test("a page that is not isolated is told so in a sentence", async () => {
    const origin = await serve(".", false);
    const message = await withPage(async (page) => {
      await page.goto(`${origin}/empty`);
      const attempt = `import("${origin}/dist/index.js").then(({ Arena }) => Arena.create()).catch(({ code, message }) => code + " " + message)`;
      return page.evaluate(attempt);
    });
    assert.match(String(message), /^UNSUPPORTED .*not cross-origin isolated.*Cross-Origin-Opener-Policy: same-origin/);
  });

  test("the core loads from a URL, whatever type the server gives it, and compiled", async () => {
    const origin = await serve(".");
    const result = await withPage(async (page) => {
      await page.goto(`${origin}/empty`);
      return page.evaluate(`(async () => {
        const { Arena, u32 } = await import("${origin}/dist/index.js");
        const url = new URL("${origin}/build/core.wasm");
        const module = await WebAssembly.compile(await (await fetch(url)).arrayBuffer());
        const results = [];
        for (const core of [undefined, url, module]) {
          const arena = await Arena.create({ maximumBytes: 1 << 24, ...(core && { core }) });
          const map = arena.createMap({ type: "hash", name: "map", key: u32, value: u32, maxEntries: 10 });
          results.push(map.set(1, 2).get(1));
        }
        return results;
      })()`);
    });
    assert.deepEqual(result, [2, 2, 2]);
  });

  test("bundled by esbuild, without a word about Node", async () => {
    const project = makeProject(join(FOLDER, "esbuild"), pack(FOLDER));
    cpSync("test/browser/bundle", join(project, "src"), { recursive: true });
    const { warnings } = await build({
      entryPoints: [join(project, "src/main.js"), join(project, "src/worker.js")],
      outdir: join(project, "out"),
      bundle: true,
      format: "esm",
      logLevel: "silent",
    });
    assert.deepEqual(warnings, []);
    cpSync(join(project, "src/index.html"), join(project, "out/index.html"));
    const origin = await serve(join(project, "out"));
    assert.equal(await withPage((page) => resultOf(page, `${origin}/index.html`, 20_000)), "5050");
  });

  test("a worklet bundled by esbuild attaches, each thread a file of its own", async () => {
    const out = join(FOLDER, "audio");
    const names = ["main", "processor", "worker"];
    const entryPoints = names.map((name) => `examples/audio/${name}.js`);
    await build({ entryPoints, outdir: out, bundle: true, format: "esm", minify: true, logLevel: "silent" });
    cpSync("examples/audio/index.html", join(out, "index.html"));
    const origin = await serve(out);
    const result = (await withPage((page) => resultOf(page, `${origin}/index.html?auto&seconds=2`, 30_000))) as Played;
    assert.equal(result.error, undefined);
    assert.equal(result.played.outOfMemory, 0);
    assert.ok(result.played.inserted > 1000, `${result.played.inserted} new keys`);
  });

  test(`the programs of ${GUIDE} do what it says`, async () => {
    const out = join(FOLDER, "guide");
    const pages = await bundleGuide(out);
    mkdirSync(join(out, "assets"), { recursive: true });
    cpSync("build/core.wasm", join(out, "assets/core.wasm"));
    const origin = await serve(out);
    const load = (heading: string, then: string): Promise<unknown> =>
      withPage(async (page) => {
        await page.goto(`${origin}/empty`);
        return page.evaluate(`import("${origin}${pages.get(heading)}").then(async (program) => {
          const until = async (what) => {
            for (const end = Date.now() + 20000; Date.now() < end; await new Promise((next) => setTimeout(next, 20)))
              if (what()) return what();
          };
          ${then}
        })`);
      });
    assert.equal(await load("The page", "return program.arena.cpus;"), 4, "the core from a URL");
    assert.equal(await load("A worker", "return until(() => program.map.get(7)?.hits);"), 1);
    const louder = "return until(() => Number(document.title) > 0.5 && program.service.batches > 0);";
    assert.equal(await load("An AudioWorklet", louder), true, "levels come, and batches are brought");
  });

  test("built by Vite", async (context) => {
    let project: string;
    try {
      project = makeProject(join(FOLDER, "vite"), pack(FOLDER), VITE);
    } catch (error) {
      context.skip(`${VITE} cannot be had: ${String(error).split("\n").at(-1)}`);
      return;
    }
    cpSync("test/browser/bundle", project, { recursive: true });
    const { status, output } = run("npx", ["vite", "build", "--base", "./"], project);
    assert.equal(status, 0, output);
    assert.doesNotMatch(output, /externalized for browser compatibility|could not resolve|\bwarn/i);
    const origin = await serve(join(project, "dist"));
    assert.equal(await withPage((page) => resultOf(page, `${origin}/index.html`, 20_000)), "5050");
  });
});
