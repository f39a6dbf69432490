/** The host that other tests run programs on. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ERRNO } from "../error.ts";
import { fakeHost, STACK_TOP } from "./testing.ts";

test("the fake host's hash map answers like a map", () => {
  const host = fakeHost();
  const { address } = host.add({ name: "m", bpfType: 1 });
  const { hashLookup, hashUpdate, hashDelete } = host.core;
  host.view.setUint32(STACK_TOP, 9, true);
  host.view.setBigUint64(STACK_TOP + 8, 44n, true);
  assert.equal(hashLookup?.(address, STACK_TOP), 0);
  assert.equal(hashUpdate?.(address, STACK_TOP, STACK_TOP + 8, 0), 0);
  assert.equal(hashUpdate?.(address, STACK_TOP, STACK_TOP + 8, 1), -ERRNO.EEXIST);
  assert.equal(host.view.getBigUint64(Number(hashLookup?.(address, STACK_TOP)), true), 44n);
  assert.equal(hashDelete?.(address, STACK_TOP), 0);
  assert.equal(hashDelete?.(address, STACK_TOP), -ERRNO.ENOENT);
});
