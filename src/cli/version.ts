/** The package's version. */
import { readFileSync } from "node:fs";

export function version(): string {
  return String(JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")).version);
}
