/** Helpers in TypeScript. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { AnyctxError } from "../../error.ts";
import { performService, type ServiceCall } from "./service.ts";

/** A call that says what it fails for. */
const CALL = {
  name: "a helper",
  view: new DataView(new ArrayBuffer(8)),
  fail(problem: string): never {
    throw new AnyctxError("EFAULT", problem);
  },
} as unknown as ServiceCall;

test("a helper that is led to memory that does not exist stops the run, whatever engine it is of", () => {
  const run = (call: ServiceCall, address: number): number => call.view.getUint32(address, true);
  assert.equal(performService(CALL, { type: "service", run }, [4]), 0);
  assert.throws(() => performService(CALL, { type: "service", run }, [6]), {
    name: "AnyctxError",
    code: "EFAULT",
    message: /^a helper goes to memory that does not exist: /,
  });
});

test("any other error of a helper goes on as it is", () => {
  const run = (): number => {
    throw new TypeError("an error of the helper's own");
  };
  assert.throws(() => performService(CALL, { type: "service", run }, []), TypeError);
});
