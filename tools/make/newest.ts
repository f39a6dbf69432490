/** How old what was made is, beside what it is made of. */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";

/** The newest modification time below `paths`, or 0 where nothing exists. */
export function newest(...paths: string[]): number {
  let latest = 0;
  for (const path of paths) {
    const info = statSync(path, { throwIfNoEntry: false });
    if (info === undefined) continue;
    const inside = info.isDirectory() ? newest(...readdirSync(path).map((name) => join(path, name))) : info.mtimeMs;
    latest = Math.max(latest, inside);
  }
  return latest;
}
