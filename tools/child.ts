/** A Node process that is given so much time and no more. */
import { spawn } from "node:child_process";

export interface Done {
  /** Whether it ended by itself, in time, with status 0. */
  readonly passed: boolean;
  /** The end of what it said. */
  readonly output: string;
}

const MOST_OUTPUT = 4000;

/** Runs a script with plain Node; a process that does not end in time is killed. */
export function runChild(args: readonly string[], cwd: string, milliseconds: number): Promise<Done> {
  return new Promise((resolve, reject) => {
    // A test that runs in a test's process would report to it.
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const child = spawn(process.execPath, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    const hear = (chunk: Buffer): void => {
      output = (output + chunk.toString()).slice(-MOST_OUTPUT);
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    const timer = setTimeout(() => child.kill("SIGKILL"), milliseconds);
    child.on("error", reject);
    child.on("close", (status) => {
      clearTimeout(timer);
      resolve({ passed: status === 0, output });
    });
  });
}
