/** Runs the command line as it ships, a process of its own, and makes the files that are given to it. */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { newest } from "../tools/make/newest.ts";

export const TRACE = "examples/data/kernel-events.trace.gz";
export const MEMLEAK = "examples/bpf/memleak.bpf.o";

export interface Ended {
  /** null where it was killed, for example because it took longer than the limit. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What any command line here may take, bad input above all. */
export const LIMIT_MILLISECONDS = 60_000;

/** The command line as the build made it. */
export const COMMAND = "dist/cli/main.js";
if (newest(COMMAND) < newest("src")) throw new Error(`${COMMAND} is older than src/: npm run build`);

/** Runs `anyctx ARGS` with `input` on standard input; killed when the limit is over. */
export function anyctx(args: readonly string[], input: string | Uint8Array = ""): Promise<Ended> {
  const child = spawn(process.execPath, [COMMAND, ...args], { env: withoutColours() });
  const killer = setTimeout(() => child.kill("SIGKILL"), LIMIT_MILLISECONDS);
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  // It may end before it has read everything.
  child.stdin.on("error", () => undefined);
  child.stdin.end(input);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      clearTimeout(killer);
      resolve({ code, stdout, stderr });
    });
  });
}

function withoutColours(): NodeJS.ProcessEnv {
  return { ...process.env, NO_COLOR: "1", FORCE_COLOR: "0", NODE_OPTIONS: "" };
}

/** A folder that is removed when the process ends. */
const folder = mkdtempSync(join(tmpdir(), "anyctx-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

/** Writes a file and gives its path. */
export function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** A copy of the memleak object, changed in place and cut off at `length`. */
export function memleakWith(name: string, change: (bytes: Buffer) => void, length?: number): string {
  const bytes = readFileSync(MEMLEAK);
  change(bytes);
  return file(name, bytes.subarray(0, length));
}

/** The first lines of the recorded trace, its header included. */
export function firstLines(count: number): string {
  const text = gunzipSync(readFileSync(TRACE)).toString("latin1");
  return `${text.split("\n").slice(0, count).join("\n")}\n`;
}
