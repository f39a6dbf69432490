import assert from "node:assert/strict";
import { test } from "node:test";
import { AnyctxError } from "../error.ts";
import { createMemory } from "./memory.ts";

test("where threads cannot share memory a sentence says what a page has to do", () => {
  const kept = Object.getOwnPropertyDescriptor(globalThis, "SharedArrayBuffer");
  assert.ok(kept !== undefined && Reflect.deleteProperty(globalThis, "SharedArrayBuffer"));
  try {
    assert.throws(
      () => createMemory(1),
      (error) =>
        error instanceof AnyctxError && error.code === "UNSUPPORTED" && /not cross-origin isolated/.test(error.message),
    );
  } finally {
    Object.defineProperty(globalThis, "SharedArrayBuffer", kept);
  }
});

test("memory that cannot be reserved is an error that says how much it is", () => {
  assert.throws(
    () => createMemory(2 ** 17),
    (error) => error instanceof AnyctxError && error.code === "ENOMEM" && /8192 MiB/.test(error.message),
  );
});
