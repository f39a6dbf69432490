/** What benchmarks run inside the core is text to the type checker: here it is compiled. */
import assert from "node:assert/strict";
import test from "node:test";
import { compileNativeLoop } from "./native.ts";
import { compileLoops } from "./table-loop.ts";

for (const [name, compile, wanted] of [
  ["table", compileLoops, ["pairsByArgument", "getsThroughMemory", "fill", "fillAndEmpty"]],
  ["native", compileNativeLoop, ["runMix", "fillHalf"]],
] as const) {
  test(`the loop of bench ${name} compiles with the core`, () => {
    const exported = new Set(WebAssembly.Module.exports(compile()).map((each) => each.name));
    assert.deepEqual(
      wanted.filter((each) => !exported.has(each)),
      [],
    );
  });
}
