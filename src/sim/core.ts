/** The instrumented core and its side table: what each site does and where it stands, and how the core lays out memory. */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { AnyctxError } from "../error.ts";
import type { CoreModule } from "../wasm/types.ts";

/** What an access is: plain, atomic or a bulk operation's two sides. */
export type AccessKind =
  | "load"
  | "store"
  | "atomic load"
  | "atomic store"
  | "exchange"
  | "copy from"
  | "copy to"
  | "fill";

/** `build/core.sim.json` (tools/make/compile.ts): columns by site. */
export interface SiteTable {
  readonly files: readonly string[];
  readonly kinds: readonly AccessKind[];
  readonly fileOf: readonly number[];
  readonly lineOf: readonly number[];
  readonly functionOf: readonly string[];
  /** Lines of the source, and which one a site is in. */
  readonly texts: readonly string[];
  readonly textOf: readonly number[];
}

export interface SimCore {
  readonly module: CoreModule;
  readonly table: SiteTable;
}

/**
 * Loads an instrumented core.
 * @param path without ending; the one that belongs to the package's core if it is left out
 */
export async function loadSimCore(path: string = packagedCore()): Promise<SimCore> {
  try {
    const [binary, table] = await Promise.all([readFile(`${path}.wasm`), readFile(`${path}.json`, "utf8")]);
    return { module: await WebAssembly.compile(binary), table: JSON.parse(table) as SiteTable };
  } catch (cause) {
    throw new AnyctxError("BAD_ARENA", `Cannot load the instrumented core from ${path}: run \`npm run build\``, {
      cause,
    });
  }
}

/** Where the package has it, seen from `src/sim` and from `dist/sim` alike. */
function packagedCore(): string {
  return fileURLToPath(new URL("../../build/core.sim", import.meta.url));
}

/** Whether an access of this kind writes. */
export function writes(kind: AccessKind): boolean {
  return kind !== "load" && kind !== "atomic load" && kind !== "copy from";
}

export function isAtomic(kind: AccessKind): boolean {
  return kind === "atomic load" || kind === "atomic store" || kind === "exchange";
}
