/** A Node process that is given so much time and no more. */
import { spawn } from "node:child_process";

export interface Done {
  /** Null: it was killed. */
  readonly status: number | null;
  /** The end of what it said. */
  readonly stdout: string;
  readonly stderr: string;
}

/** Characters of an output: what goes wrong may print for ever. */
const MOST_SAID = 2 ** 20;

/** What a process is started with: a test that runs in a test's process would report to it. */
export function childEnvironment(): NodeJS.ProcessEnv {
  const { NODE_TEST_CONTEXT: _, ...environment } = process.env;
  return environment;
}

/** Runs a script with plain Node; a process that does not end in time is killed. */
export function runChild(args: readonly string[], cwd: string, milliseconds: number): Promise<Done> {
  const child = spawn(process.execPath, args, {
    cwd,
    env: childEnvironment(),
    timeout: milliseconds,
    killSignal: "SIGKILL",
    stdio: ["ignore", "pipe", "pipe"],
  });
  const said = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const)
    child[name].setEncoding("utf8").on("data", (text: string) => {
      said[name] = (said[name] + text).slice(-MOST_SAID);
    });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (status) => resolve({ status, ...said }));
  });
}
