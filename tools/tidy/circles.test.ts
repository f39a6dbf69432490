import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { circlesIn } from "./circles.ts";

test("components of several nodes and nodes that point to themselves, nothing else", () => {
  const graph = new Map([
    ["a", ["b", "out"]],
    ["b", ["c", "d"]],
    ["c", ["a"]],
    ["d", ["e"]],
    ["e", ["d", "f"]],
    ["f", ["g"]],
    ["g", ["g"]],
  ]);
  assert.deepEqual(circlesIn(graph), [["a", "b", "c"], ["d", "e"], ["g"]]);
});

test("property: two nodes are in one circle exactly when each can be reached from the other", () => {
  const nodes = ["a", "b", "c", "d", "e", "f", "g", "h"];
  const edges = fc.array(fc.tuple(fc.constantFrom(...nodes), fc.constantFrom(...nodes)), { maxLength: 20 });
  fc.assert(
    fc.property(edges, (pairs) => {
      const graph = new Map(nodes.map((node) => [node, pairs.filter(([from]) => from === node).map(([, to]) => to)]));
      const reached = (from: string): Set<string> => {
        const found = new Set(graph.get(from));
        for (const node of found) for (const next of graph.get(node) ?? []) found.add(next);
        return found;
      };
      const expected = nodes.map((node) => nodes.filter((each) => reached(node).has(each) && reached(each).has(node)));
      const circles = circlesIn(graph);
      assert.deepEqual(
        nodes.map((node) => circles.find((circle) => circle.includes(node)) ?? []),
        expected,
      );
    }),
  );
});
