/** Serves this checkout with the headers that browsers want before threads may share memory: node examples/audio/server.mjs [port] */
import { createReadStream, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".wasm": "application/wasm" };
const ISOLATED = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};

const server = createServer(({ url = "/" }, response) => {
  const path = join(ROOT, normalize(new URL(url, "http://localhost").pathname));
  if (!path.startsWith(ROOT) || statSync(path, { throwIfNoEntry: false })?.isFile() !== true) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, { ...ISOLATED, "content-type": TYPES[extname(path)] ?? "text/plain" });
  createReadStream(path).pipe(response);
});

server.listen(Number(process.argv[2] ?? 0), "127.0.0.1", () => {
  console.log(`http://localhost:${server.address().port}/examples/audio/index.html`);
});
