/**
 * The core's own checks (core/base/check.ts), before the compiler sees a file: `check(...)` and `expect(...)` become an `if`
 * around a call of a function whose name is the place, and which does nothing but trap; so the trap's stack names it. In the
 * core that ships, `expect` becomes nothing.
 */

const STATEMENT = /^(\s*)(check|expect)\((.*)\);$/;
const IMPORT = /^import \{[^}]*\} from "\.{1,2}\/(?:base\/)?check";$/m;

/** Part of the name of each function that traps: none of them is to be inlined. */
export const CHECK_FAILED = "check_failed_in_line_";

/** A number of 32 bits for a place in the source (FNV-1a). */
function placeNumber(path: string, line: number): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(`${path}:${line}`)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}

/**
 * Writes the checks of a source file out. Lines stay where they are.
 * @param keepFast whether `expect` stays
 */
export function writeChecks(path: string, text: string, keepFast: boolean): string {
  if (!IMPORT.test(text)) return text;
  const traps: string[] = [];
  const lines = text.split("\n").map((line, index) => {
    const [, indent = "", kind, condition = ""] = STATEMENT.exec(line) ?? [];
    if (kind === undefined) {
      if (/^\s*(check|expect)\(/.test(line))
        throw new Error(`${path}:${index + 1}: a check is one statement on one line`);
      return line;
    }
    if (kind === "expect" && !keepFast) return "";
    const name = `${CHECK_FAILED}${index + 1}`;
    // The store, below all objects, tells it from the others: equal functions would become one.
    traps.push(`function ${name}(): void { store<u32>(0, ${placeNumber(path, index + 1)}); unreachable(); }`);
    return `${indent}if (!(${condition})) ${name}();`;
  });
  return [...lines, ...traps].join("\n").replace(IMPORT, "");
}
