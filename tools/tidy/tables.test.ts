/** The tables that the library is made of: each row is documented and named by a test. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EVENT_SOURCES } from "../../src/events/sources.ts";
import { HELPERS, OPERATIONS, PARAMETER_KINDS, PROGRAM_TYPES } from "../../src/load/index.ts";
import { MAP_KINDS } from "../../src/maps/kinds.ts";
import { INTERRUPT_SIGNS } from "../../src/replay/interrupts.ts";
import { read, sourcesBelow } from "./sources.ts";

interface Documented {
  readonly name: string;
  readonly doc: string;
}

const TABLES: Readonly<Record<string, readonly Documented[]>> = {
  "map kinds": MAP_KINDS.map(({ type, doc }) => ({ name: type, doc })),
  helpers: HELPERS,
  "parameter kinds": PARAMETER_KINDS,
  "program types": PROGRAM_TYPES,
  "event sources": EVENT_SOURCES.map(({ kind, doc }) => ({ name: kind, doc })),
  "signs of interrupts": INTERRUPT_SIGNS,
  // What an operation does is its text, what is refused has its reason.
  operations: OPERATIONS.map(({ name, text, effect }) => ({
    name,
    doc: effect.type === "refused" ? effect.reason : text,
  })),
};

for (const [title, rows] of Object.entries(TABLES))
  test(`${title}: every row is documented, none is there twice`, () => {
    assert.ok(rows.length > 0);
    assert.deepEqual(
      rows.filter(({ doc }) => doc.trim().length < 3).map(({ name }) => name),
      [],
    );
    assert.equal(new Set(rows.map(({ name }) => name)).size, rows.length);
  });

test("event sources: every kind is a folder or a file of src/events/, with a test", () => {
  const tests = sourcesBelow("src/events").filter((path) => path.endsWith(".test.ts"));
  const untested = EVENT_SOURCES.map(({ kind }) => `src/events/${kind}`).filter(
    (place) => !tests.some((path) => path.startsWith(`${place}/`) || path === `${place}.test.ts`),
  );
  assert.deepEqual(untested, []);
});

/** Where the tests of a table's rows are, and how a test names a row; those of the other tables walk the table itself. */
const TESTED: Readonly<Record<string, readonly [folders: readonly string[], named: (name: string) => string]>> = {
  "map kinds": [["core/maps", "src/maps"], (name) => `"${name}"`],
  helpers: [["src/bpf", "src/load"], (name) => name],
  "program types": [["src/bpf/programs"], (name) => name.toUpperCase()],
  "event sources": [["src/events"], (name) => `"${name}"`],
  "signs of interrupts": [["src", "test"], (name) => name],
};

for (const [title, [folders, named]] of Object.entries(TESTED))
  test(`${title}: a test names every row`, () => {
    const tests = sourcesBelow(...folders)
      .filter((path) => path.endsWith(".test.ts"))
      .map(read)
      .join("\n");
    const rows = TABLES[title] ?? [];
    assert.deepEqual(
      rows.map(({ name }) => name).filter((name) => !tests.includes(named(name))),
      [],
    );
  });
