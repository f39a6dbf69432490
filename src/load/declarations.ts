/** The types of an object's maps, variables and programs as TypeScript's: what `loadObject` is given to be typed by. */
import { type Btf, type BtfMember, isCharacter, resolveType } from "../bpf/object/btf.ts";
import type { MapSpec, ObjectSpec } from "../bpf/object/spec.ts";

const MAXIMUM_DEPTH = 32;
const WORD = 32;

/** Text from a file as a name in code. */
const quoted = (name: string): string => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name));

function memberTypes(btf: Btf, members: readonly BtfMember[], depth: number): string[] {
  return members.flatMap(({ name, type, bitSize }) => {
    const inner = resolveType(btf, type);
    if (name === "" && (inner.kind === "struct" || inner.kind === "union"))
      return memberTypes(btf, inner.members, depth + 1);
    return [`${quoted(name)}: ${typeText(btf, type, depth + 1, bitSize)};`];
  });
}

/** How a value is read: as decodeBtf gives it. */
function typeText(btf: Btf, typeId: number, depth: number, bitSize = 0): string {
  if (depth > MAXIMUM_DEPTH) return "unknown";
  const type = resolveType(btf, typeId);
  if (type.kind === "int" && type.encoding === "bool") return "boolean";
  if (type.kind === "int") return (bitSize || type.size * 8) <= WORD ? "number" : "bigint";
  if (type.kind === "enum") {
    const number = type.size * 8 <= WORD ? "number" : "bigint";
    return [...type.values.map(({ name }) => JSON.stringify(name)), number].join(" | ");
  }
  if (type.kind === "pointer") return "bigint";
  if (type.kind === "float") return "number";
  if (type.kind === "array") {
    if (isCharacter(resolveType(btf, type.element))) return "string";
    return `readonly (${typeText(btf, type.element, depth + 1)})[]`;
  }
  if (type.kind === "struct" || type.kind === "union") return `{ ${memberTypes(btf, type.members, depth).join(" ")} }`;
  return "unknown";
}

function valueText({ btf }: ObjectSpec, typeId: number | undefined, size: number): string {
  if (size === 0) return "undefined";
  return btf === undefined || typeId === undefined ? "Uint8Array" : typeText(btf, typeId, 0);
}

/** Of a map of maps the value is a map. */
function entryTexts(object: ObjectSpec, map: MapSpec): { readonly key: string; readonly value: string } {
  const { keySize, valueSize, keyTypeId, valueTypeId, inner } = map;
  const key = valueText(object, keyTypeId, keySize);
  if (inner === undefined) return { key, value: valueText(object, valueTypeId, valueSize) };
  const held = entryTexts(object, inner);
  return { key, value: `import("anyctx").ArenaMap<${held.key}, ${held.value}>` };
}

function mapText(object: ObjectSpec, map: MapSpec): string {
  const { key, value } = entryTexts(object, map);
  return `    ${quoted(map.name)}: { key: ${key}; value: ${value} };`;
}

/** `flow-table.bpf.o` as `FlowTable`. */
function interfaceName(file: string): string {
  const words = file
    .replace(/^.*[/\\]/, "")
    .replace(/(\.bpf)?\.o$/, "")
    .split(/[^A-Za-z0-9]+/);
  const name = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("");
  return /^[A-Za-z]/.test(name) ? name : `Object${name}`;
}

/** A module that declares an object's shape, as an interface by its file's name. */
export function declarationsOf(object: ObjectSpec): string {
  const name = interfaceName(object.name);
  const maps = object.maps.filter(({ contents }) => contents === undefined);
  const globals = object.maps.flatMap(({ variables = [] }) => variables);
  const programs = object.programs.map((program) => JSON.stringify(program.name)).join(" | ");
  return [
    `/** What is in an object, for loadObject<${name}>() of anyctx/bpf. Written by anyctx types. */`,
    `export interface ${name} {`,
    "  maps: {",
    ...maps.map((map) => mapText(object, map)),
    "  };",
    "  globals: {",
    ...globals.map(
      ({ name: variable, typeId, size }) => `    ${quoted(variable)}: ${valueText(object, typeId, size)};`,
    ),
    "  };",
    `  programs: ${programs === "" ? "never" : programs};`,
    "}",
    "",
  ].join("\n");
}
