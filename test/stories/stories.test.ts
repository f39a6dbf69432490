/** Public reports of BPF map memory, recorded on Linux 6.18: how many updates fail, and how many bytes it takes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isWithin, readStories } from "./stories.ts";

for await (const story of readStories("test/data/stories")) {
  const { name, fewest, most, kernel, bytes, kernelBytes } = story;
  test(`${name}: ${fewest} to ${most} updates fail, ${kernel ?? "?"} in the kernel`, () => {
    if (kernel === undefined) assert.deepEqual([fewest, most], [196, 196], "by the allocator's own rules");
    else assert.ok(isWithin(story));
    if (kernelBytes !== undefined)
      assert.ok(Math.abs(bytes / kernelBytes - 1) < 0.02, `${bytes} and ${kernelBytes} bytes`);
  });
}
