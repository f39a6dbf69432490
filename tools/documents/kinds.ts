/**
 * The table of map kinds in docs/maps.md, made of the registry and the contracts: `npm run kinds` writes it, a test compares.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { CONTRACTS, type OperationContract, WAITING_ERRORS, WAITS } from "../../src/maps/contracts.ts";
import { MAP_KINDS, type MapKind } from "../../src/maps/kinds.ts";

const DOCUMENT = "docs/maps.md";
const [BEGIN, END] = ["<!-- kinds: npm run kinds -->\n", "<!-- end of kinds -->\n"];
const OPERATIONS = ["get", "update", "delete", "take"] as const;

/** Marks of whom an operation waits for. */
const MARKS = { nobody: "", bucket: " *", map: " **" } as const;

function cell(contract: OperationContract | undefined): string {
  if (contract === undefined) return "-";
  return `${contract.errors.map((name) => `\`${name}\``).join(" ")}${MARKS[contract.waits]}`;
}

const WALKS = { places: "yes", order: "in order", keys: "from key to key" } as const;

function programs({ program, inner }: MapKind): string {
  const names = Object.keys(program).map((name) => (name === "lookupOn" ? "lookup of a CPU" : name));
  if (inner) return "lookup of the map";
  return names.length === 0 ? "-" : names.join(", ");
}

function row(kind: MapKind): string {
  const contract = CONTRACTS[kind.type];
  const walk = kind.walk === false ? "-" : WALKS[kind.walk];
  return `| \`${kind.type}\` | ${OPERATIONS.map((name) => cell(contract[name])).join(" | ")} | ${walk} | ${programs(kind)} |`;
}

function kindsTable(): string {
  const waiting = WAITING_ERRORS.map((name) => `\`${name}\``).join(" and ");
  return [
    `| kind | ${OPERATIONS.join(" | ")} | walk | programs |`,
    `|---|${OPERATIONS.map(() => "---").join("|")}|---|---|`,
    ...MAP_KINDS.map(row),
    "",
    `\\* ${WAITS.bucket}, \\*\\* ${WAITS.map}, for a bounded time; all else ${WAITS.nobody}. What waits may answer ${waiting} too: in an NMI or a hard`,
    "interrupt that has come in while the same CPU was at it, and where whoever is waited for is dead. Every operation may be used in every",
    "context.",
    "",
  ].join("\n");
}

/** The document as it should be. */
export function withKinds(document: string): string {
  const [before = "", rest = ""] = document.split(BEGIN);
  const [, after = ""] = rest.split(END);
  return `${before}${BEGIN}\n${kindsTable()}\n${END}${after}`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href)
  writeFileSync(DOCUMENT, withKinds(readFileSync(DOCUMENT, "utf8")));
