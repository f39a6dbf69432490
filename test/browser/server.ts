/** A small local server: the files of a folder, with or without the headers that isolate a page. */
import { createReadStream, statSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize, resolve } from "node:path";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  // Not what it should be: what loads the core must not depend on it.
  ".wasm": "text/plain",
};

const ISOLATION = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};

const EMPTY_PAGE = "<!doctype html><title>empty</title>";

export interface LocalServer {
  /** With no slash at its end. `/empty` is a page with nothing in it. */
  readonly origin: string;
  close(): void;
}

export async function serveFolder(folder: string, isolated: boolean): Promise<LocalServer> {
  const root = resolve(folder);
  const headers = isolated ? ISOLATION : {};
  const server = createServer(({ url = "/" }, response) => {
    const { pathname } = new URL(url, "http://localhost");
    const path = join(root, normalize(pathname));
    if (pathname === "/empty") {
      response.writeHead(200, { ...headers, "content-type": "text/html" }).end(EMPTY_PAGE);
    } else if (!path.startsWith(root) || statSync(path, { throwIfNoEntry: false })?.isFile() !== true) {
      response.writeHead(404).end();
    } else {
      response.writeHead(200, { ...headers, "content-type": TYPES[extname(path)] ?? "application/octet-stream" });
      createReadStream(path).pipe(response);
    }
  });
  await new Promise<void>((done) => {
    server.listen(0, "127.0.0.1", done);
  });
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://localhost:${port}`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
