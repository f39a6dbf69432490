/** The documents and what they quote. */
import { filesBelow, read } from "./sources.ts";

export const DOCUMENTS: readonly string[] = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", ...filesBelow("docs")];

/** Text between backticks, outside of code blocks. */
export function quoted(path: string): string[] {
  const prose = read(path).replace(/^```.*?^```/gms, "");
  return [...prose.matchAll(/`([^`\n]+)`/g)].map(([, text = ""]) => text);
}
