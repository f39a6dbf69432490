/** Programs in the manner of the field's tools: each has to give what was computed without it, and what Linux gave. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Entries } from "./programs/case.ts";
import { CASES } from "./programs/cases/index.ts";
import { type Played, play } from "./programs/play.ts";
import { type ByLinux, RECORDED } from "./programs/recorded.ts";

const order = (entries: Entries): string[] =>
  entries.map((entry) => JSON.stringify(entry, (_, value) => (typeof value === "bigint" ? `${value}n` : value))).sort();
const sorted = (maps: Readonly<Record<string, Entries>>): unknown =>
  Object.fromEntries(Object.entries(maps).map(([name, entries]) => [name, order(entries)]));

test("there are more than thirty programs, and no two cases of one", () => {
  assert.ok(CASES.length >= 30);
  assert.equal(new Set(CASES.map(({ program }) => program)).size, CASES.length);
});

const byLinux = RECORDED.programs();

/** What a case is to give, as Linux gave it: packets that come out as others, and all that maps have. */
function asLinux({ answers, bytes }: Played): ByLinux {
  const packets = answers.flatMap(({ packet }, index) =>
    packet === undefined ? [] : [[index, Buffer.from(packet).toString("hex")] as const],
  );
  return { results: answers.map(({ result }) => result), packets: Object.fromEntries(packets), maps: bytes };
}

for (const given of CASES) {
  const { object, program, doc, answers, maps = {}, variables = {}, notByLinux } = given;
  test(`${object}: ${program}: ${doc}`, async () => {
    const played: Played = await play(given);
    assert.deepEqual(played.answers, answers);
    assert.deepEqual(sorted(played.maps), sorted(maps));
    assert.deepEqual(played.variables, variables);
    if (notByLinux === undefined) assert.deepEqual(asLinux(played), byLinux[program]);
    else assert.equal(byLinux[program], undefined, notByLinux);
  });
}
