/** Public reports of BPF map memory, recorded on Linux 6.18: how many updates fail, and how many bytes it takes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isWithin, readStories } from "./stories.ts";

/** What public reports came to, or would have. */
const VERDICTS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "s1_proxy.dyn": { basename_approvers: "go dynamic" },
  "s2.dyn": { execve_map: "go dynamic", override_tasks: "lower max_entries" },
  "s4.dyn": { current_syscall: "lower max_entries" },
  "s5.dyn": { start: "keep preallocated" },
  "s5_slow.dyn": { start: "keep preallocated" },
  "syn.1": { start: "keep preallocated" },
  "syn.60": { start: "keep preallocated" },
};

for await (const story of readStories("test/data/stories")) {
  const { name, fewest, most, kernel, bytes, kernelBytes, verdicts } = story;
  test(`${name}: ${fewest} to ${most} updates fail, ${kernel ?? "?"} in the kernel`, () => {
    if (kernel === undefined) assert.deepEqual([fewest, most], [196, 196], "by the allocator's own rules");
    else assert.ok(isWithin(story));
    if (kernelBytes !== undefined)
      assert.ok(Math.abs(bytes / kernelBytes - 1) < 0.01, `${bytes} and ${kernelBytes} bytes`);
  });
  test(`${name}: what to do`, () => {
    const expected = VERDICTS[name] ?? {};
    assert.ok(Object.keys(expected).length > 0);
    for (const [map, verdict] of Object.entries(expected)) assert.equal(verdicts[map], verdict, map);
  });
}
