import assert from "node:assert/strict";
import { test } from "node:test";
import { requestFlags } from "./told.ts";

test("flags of requests by their letters, as enum req_op and req_flag_bits have them", () => {
  const sync = 1n << 11n;
  const preflush = 1n << 18n;
  const rows: Readonly<Record<string, bigint | undefined>> = {
    ...{ R: 0n, W: 1n, D: 3n, DE: 5n, F: 2n, WS: 1n | sync, RA: 1n << 19n, RM: 1n << 12n },
    ...{ FF: 2n | preflush, FWFS: 1n | (1n << 17n) | sync | preflush, FWS: 1n | sync | preflush },
    ...{ N: undefined, "": undefined, "W?": undefined },
  };
  for (const [letters, flags] of Object.entries(rows)) assert.equal(requestFlags(letters), flags, letters);
});
