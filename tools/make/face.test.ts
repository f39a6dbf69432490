import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { compileInside } from "../../core/testing.ts";
import { emitFace, readFace } from "./face.ts";

const read = (path: string): string => readFileSync(path, "utf8");
const face = readFace(read);

test("src/wasm/face.ts is what the build emits from the core's source", () => {
  assert.equal(read("src/wasm/face.ts"), emitFace(face));
});

test("offsets and sizes are those of AssemblyScript's own compiler", () => {
  const all = [...sources()];
  const imports = face.structures.map(({ name }) => {
    const path = all.find(([, text]) => text.includes(`class ${name} {`))?.[0] ?? "";
    return `import { ${name} } from "./${path.slice("core/".length, -".ts".length)}";`;
  });
  const exports = face.structures.flatMap(({ name, fields }) => [
    `export const ${name}__bytes: u32 = offsetof<${name}>();`,
    ...fields.map((field) => `export const ${name}__${field.name}: u32 = offsetof<${name}>("${field.name}");`),
  ]);
  const { core } = compileInside<Record<string, WebAssembly.Global>>([...imports, ...exports].join("\n"))();
  const exported = (name: string): unknown => core[name]?.value;
  for (const { name, fields, bytes } of face.structures) {
    assert.equal(exported(`${name}__bytes`), bytes, name);
    for (const field of fields) assert.equal(exported(`${name}__${field.name}`), field.offset, `${name}.${field.name}`);
  }
});

/** Files of the core by path. */
function* sources(): Generator<[string, string]> {
  const seen = new Set(["core/index.ts"]);
  for (const path of seen) {
    const text = read(path);
    yield [path, text];
    for (const [, to = ""] of text.matchAll(/from "(\.[^"]+)"/g))
      seen.add(new URL(`${to}.ts`, `file:///${path}`).pathname.slice(1));
  }
}

test("two constants of one name, and a type that nobody knows, are refused", () => {
  const of =
    (text: string): (() => unknown) =>
    () =>
      readFace((path) => (path === "core/index.ts" ? text : "export const A: u32 = 1;"));
  assert.throws(of('import { A } from "./a";\nexport const A: u32 = 2;'), /two files of the core export a constant A/);
  assert.throws(of("@unmanaged\nexport class C {\n  x: f16;\n}"), /C\.x is of an unknown type/);
  assert.throws(of("export const B: u32 = call();"), /what is call\(\)/);
});
