/** Things for a kernel to do that make it record many kinds of events. */
import { execFile, execFileSync } from "node:child_process";
import { createSocket } from "node:dgram";
import {
  appendFileSync,
  closeSync,
  fsyncSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";

const MARKER = "/sys/kernel/tracing/instances";

/** Runs a command that may not be there. */
async function attempt(command: string, ...args: readonly string[]): Promise<void> {
  await promisify(execFile)(command, args, { timeout: 5000 }).catch(() => undefined);
}

async function talk(): Promise<void> {
  const server = createServer((socket) => socket.end("there"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  await new Promise<void>((resolve) =>
    connect(port, "127.0.0.1")
      .on("data", () => undefined)
      .on("close", () => resolve()),
  );
  server.close();
  const socket = createSocket("udp4");
  await new Promise<void>((resolve) => socket.send("hello", 9, "127.0.0.1", () => resolve()));
  socket.close();
}

/** Files, sockets, processes, signals, memory, messages. @param folder where files may be written */
export async function busy(folder: string): Promise<void> {
  const own = mkdtempSync(join(folder, "busy-"));
  try {
    appendFileSync(join(MARKER, `anyctx-${process.pid}`, "trace_marker"), "one line");
    appendFileSync(join(MARKER, `anyctx-${process.pid}`, "trace_marker"), "two\nlines\n");
    const path = join(own, "file");
    writeFileSync(path, Buffer.alloc(200_000, 1));
    const file = openSync(path, "r+");
    fsyncSync(file);
    closeSync(file);
    renameSync(path, join(own, "other"));
    readFileSync(join(own, "other"));
    await talk();
    execFileSync("sh", ["-c", "trap : USR1; kill -USR1 $$; ls / > /dev/null; (exit 3); true"], { stdio: "ignore" });
    await attempt("taskset", "-p", "1", String(process.pid));
    await attempt("nice", "-n", "3", "true");
    await attempt("ping", "-c1", "-W1", "127.0.0.1");
    await attempt("ip", "link", "add", "anyctx9", "type", "dummy");
    await attempt("ip", "link", "del", "anyctx9");
    await attempt("sh", "-c", "sync; flock /tmp true; mount > /dev/null");
    await attempt("python3", "-c", "import socket\ntry: socket.create_connection(('::1', 9), 1)\nexcept OSError: pass");
    await attempt("sh", "-c", "mkdir /sys/fs/cgroup/anyctx9 && rmdir /sys/fs/cgroup/anyctx9");
    Buffer.alloc(8_000_000, 1);
    await new Promise((resolve) => setTimeout(resolve, 100));
  } finally {
    rmSync(own, { recursive: true });
  }
}
