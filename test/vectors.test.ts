/** What Linux answered to map operations, recorded: with the profile `linux` every answer that can be compared is ours. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { MAP_KINDS, type MapType } from "../src/maps/kinds.ts";
import { replaySequences } from "./maps/replay.ts";
import { readSequences, type Sequence } from "./maps/vectors.ts";

const FOLDER = "test/data/maps";
const FILES = readdirSync(FOLDER).filter((name) => name.endsWith(".jsonl.gz"));

/** What may be skipped: there is no verifier; creations of kinds that are not ours; what the recorder's own mapping caused. */
const REASONS = [/^refused by the verifier$/, /^there is no kind \d+$/, /^a freeze of a buffer that is mapped$/];

for (const file of FILES)
  test(`${file}: our answers are Linux's`, async () => {
    const sequences = readSequences(`${FOLDER}/${file}`);
    const { same, differences, skipped } = await replaySequences(sequences);
    assert.deepEqual(differences, []);
    assert.ok(same > 500, `${same} operations compared`);
    const unexplained = [...skipped.keys()].filter((reason) => !REASONS.some((each) => each.test(reason)));
    assert.deepEqual(unexplained, []);
  });

/** Kinds of which nothing is recorded: Linux has no such kind, or wants BTF, or only programs and memory that is mapped reach it. */
const UNRECORDED: readonly MapType[] = [
  ...(["variable_hash", "ordered", "user_ringbuf"] as const),
  ...(["task_storage", "sk_storage", "inode_storage", "cgrp_storage"] as const),
];

test("there is a recording of every kind that can have one", () => {
  assert.deepEqual(
    MAP_KINDS.map(({ type }) => type).filter((type) => !FILES.includes(`${type}.jsonl.gz`)),
    UNRECORDED,
  );
});

test("another answer is a difference, and is shown", async () => {
  const [sequence] = readSequences(`${FOLDER}/queue.jsonl.gz`) as [Sequence];
  const operations = sequence.operations.map((each) => (each.words[0] === "u" ? { ...each, answer: ["-1"] } : each));
  const { differences } = await replaySequences([{ ...sequence, operations }]);
  assert.equal(differences.length, operations.filter(({ words }) => words[0] === "u").length);
  assert.match(differences[0] ?? "", /^queue 0 \(seed \d+\), line \d+: u 1 - .* instead of -1$/);
});
