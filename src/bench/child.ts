/** Measurements in a process of their own: what one run leaves behind, of memory and of what the engine has learned, is not another's. */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";

export interface ChildOptions<Message> {
  /** Of the compiled module, without `.js`: a process always runs compiled, also where this module runs from source. */
  readonly module: string;
  readonly arguments: readonly string[];
  /** Messages that it sends before it ends. */
  readonly messages: number;
  /** What is measured, for the error if it fails. */
  readonly what: string;
  /** Called after each message, with how many there were. */
  readonly heard?: (messages: number, message: Message) => void;
}

/** Runs a module of this folder, which sends what it has measured, and ends. */
export function runChild<Message>(options: ChildOptions<Message>): Promise<Message[]> {
  const { module, messages, what, heard = () => undefined } = options;
  const path = fileURLToPath(new URL(`../../dist/bench/${module}.js`, import.meta.url));
  return new Promise((resolve, reject) => {
    const child = fork(path, options.arguments, { execArgv: [], stdio: ["ignore", "ignore", "pipe", "ipc"] });
    const received: Message[] = [];
    let said = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
    child.on("message", (message: Message) => {
      heard(received.push(message), message);
    });
    child.on("error", reject);
    child.on("close", (code, signal) => {
      if (code === 0 && received.length === messages) return resolve(received);
      const why = said.split("\n").find((line) => /Error\b/.test(line)) ?? "no error was printed";
      reject(new Error(`The process of ${what} ended with ${signal ?? code} after ${received.length} rounds: ${why}`));
    });
  });
}
