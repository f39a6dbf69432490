/** The example of `anyctx/sim` as its users have it: from the package, compiled. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

/** The library's documentation is the source of what runs here: its example with node:test in vitest's place. */
async function example(): Promise<string> {
  const source = await readFile(new URL("../../src/sim/index.ts", import.meta.url), "utf8");
  const [, text = ""] = /```ts\n(.*?) \* ```/s.exec(source) ?? [];
  return text
    .replace(/^ \* ?/gm, "")
    .replace(/^import \{ expect, test \} from "vitest";$/m, "")
    .replace(/from "anyctx\/sim"/, `from ${JSON.stringify(new URL("../../dist/sim/index.js", import.meta.url).href)}`);
}

const expect = (value: unknown) => ({ toBeUndefined: () => assert.equal(value, undefined) });

test("the example in the library's documentation runs as it stands, and finds nothing", async () => {
  const text = await example();
  assert.match(text, /^import .* from "file:/m);
  const names: string[] = [];
  const bodies: (() => Promise<void>)[] = [];
  Object.assign(globalThis, {
    expect,
    test(name: string, body: () => Promise<void>) {
      names.push(name);
      bodies.push(body);
    },
  });
  await import(`data:text/javascript,${encodeURIComponent(text)}`);
  assert.deepEqual(names, ["an NMI may allocate while its CPU frees"]);
  for (const body of bodies) await body();
});
