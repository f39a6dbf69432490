/** Documents say what is true: paths, links, commands and drawings are held against the code. */
import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { CONSTANTS } from "../../src/wasm/face.ts";
import { OBJECT_LISTS } from "../../src/wasm/lists.ts";
import { DOCUMENTS, quoted } from "./prose.ts";
import { read } from "./sources.ts";

const ROOTS = [...readdirSync(".").filter((name) => name !== "node_modules"), "build", "dist"];

/** Whether a quoted text is meant as a path of the repository: its first part is one, and nothing in it is a pattern. */
function isPath(text: string): boolean {
  return (
    /^[\w.][\w./-]*$/.test(text) &&
    (text.includes("/") || text.endsWith(".md")) &&
    ROOTS.includes(text.split("/")[0] ?? "")
  );
}

/** What a check of each document finds wrong, with the document's name. */
function inDocuments(check: (path: string) => readonly string[]): string[] {
  return DOCUMENTS.filter((path) => path.endsWith(".md")).flatMap((path) =>
    check(path).map((what) => `${path}: ${what}`),
  );
}

test("documents: every path they name exists", () => {
  const made = /^(build|dist)(\/|$)/;
  const missing = (path: string): string[] =>
    quoted(path).filter((text) => isPath(text) && !made.test(text) && !existsSync(text));
  assert.deepEqual(inDocuments(missing), []);
});

test("documents: every link to a file leads somewhere", () => {
  const broken = (path: string): string[] =>
    [...read(path).matchAll(/\]\(([^)#\s]+)[^)]*\)/g)]
      .map(([, to = ""]) => to)
      .filter((to) => !/^https?:/.test(to) && !existsSync(join(dirname(path), to)));
  assert.deepEqual(inDocuments(broken), []);
});

test("ARCHITECTURE.md names every folder of core/, src/ and tools/", () => {
  const folders = ["core", "src", "tools"].flatMap((root) =>
    readdirSync(root, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => `${join(entry.parentPath, entry.name)}/`),
  );
  const named = quoted("ARCHITECTURE.md");
  assert.deepEqual(
    folders.filter((folder) => !named.includes(folder)),
    [],
  );
});

test("the list equation is the same wherever it stands", () => {
  const equation = `${[...OBJECT_LISTS.map(({ name }) => name), "in use"].join(" + ")} == owned`;
  for (const path of ["core/alloc/cache.ts", "ARCHITECTURE.md", "docs/allocator.md"]) {
    const found = [...read(path).matchAll(/^.*?(free \+ .* == owned)/gm)].map(([, text]) => text);
    assert.deepEqual(found, [equation], path);
  }
});

test("the bucket is drawn in ARCHITECTURE.md as it lies in memory", () => {
  const [, offsets = "", boxes = ""] = /^ (0 +8.*)\n \| (.*) \|$/m.exec(read("ARCHITECTURE.md")) ?? [];
  const { OVERFLOW, TAGS, ELEMENTS, BUCKET_BYTES, SLOT_COUNT } = CONSTANTS;
  assert.deepEqual(offsets.trim().split(/ +/).map(Number), [0, OVERFLOW, OVERFLOW + 4, TAGS, ELEMENTS, BUCKET_BYTES]);
  const last = SLOT_COUNT - 1;
  const names = ["control", "overflow", "index", "tag 0", "...", `tag ${last}`, "element 0", "...", `element ${last}`];
  assert.deepEqual(
    boxes.split("|").map((name) => name.trim()),
    names,
  );
});

const MANIFEST = JSON.parse(read("package.json")) as {
  readonly version: string;
  readonly scripts: Readonly<Record<string, string>>;
};
/** Commands of npm itself. */
const NPM_COMMANDS = ["ci", "cit", "install", "pack"];

test("documents: the npm commands they name exist", () => {
  const unknown = (path: string): string[] =>
    [...read(path).matchAll(/\bnpm (?:run (?:--silent )?)?([a-z][\w:-]*)/g)]
      .map(([, name = ""]) => name)
      .filter((name) => !NPM_COMMANDS.includes(name) && MANIFEST.scripts[name] === undefined);
  assert.deepEqual(inDocuments(unknown), []);
});

test("CHANGELOG.md has an entry for the version of package.json", () => {
  const heading = new RegExp(`^## .*\\b${MANIFEST.version.replaceAll(".", "\\.")}\\b`, "m");
  assert.match(read("CHANGELOG.md"), heading);
});

test("decisions are numbered without a gap, and each has its four parts", () => {
  const names = readdirSync("docs/decisions").sort();
  assert.deepEqual(
    names.map((name) => name.slice(0, 5)),
    names.map((_, index) => `${String(index + 1).padStart(4, "0")}-`),
  );
  for (const name of names) {
    const headings = [...read(join("docs/decisions", name)).matchAll(/^## (.+)$/gm)].map(([, title]) => title);
    assert.deepEqual(headings, ["Context", "Decision", "Measurement", "Consequences"], name);
  }
});
