/** Opens files of events: the part of the door that needs Node. */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { AnyctxError } from "../error.ts";
import { fileRange } from "./file-bytes.ts";
import { type OpenOptions, openEventStream } from "./open.ts";
import type { EventStream } from "./source.ts";
import type { Unpack } from "./unpack.ts";

const CHUNK_BYTES = 1 << 18;
/** What zlib's thread hands over at once: each piece has a price of its own. */
const UNPACKED_BYTES = 1 << 20;

/**
 * Opens the events of a file or of a stream of bytes (standard input).
 * @throws {AnyctxError} BAD_TRACE for a path that is no file that can be read; otherwise as `openEventStream`
 */
export async function openEvents(
  input: string | AsyncIterable<Uint8Array>,
  options: OpenOptions = {},
): Promise<EventStream> {
  const unpackers = { gzip: gunzipNode, ...options.unpackers };
  if (typeof input !== "string") return openEventStream(input, { ...options, unpackers });
  const totalBytes = await sizeOf(input);
  return openEventStream(readFileChunks(input), {
    ...{ name: input, totalBytes, range: fileRange(input, totalBytes) },
    ...{ ...options, unpackers },
  });
}

const PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EACCES: "permission denied",
  EISDIR: "it is a folder",
  ENOTDIR: "a part of the path is no folder",
};

function unreadable(path: string, error: unknown): AnyctxError {
  const code = (error as NodeJS.ErrnoException).code ?? "";
  return new AnyctxError("BAD_TRACE", `cannot read ${path}: ${PROBLEMS[code] ?? String(error)}`, { cause: error });
}

async function sizeOf(path: string): Promise<number> {
  const info = await stat(path).catch((error: unknown) => {
    throw unreadable(path, error);
  });
  if (info.isDirectory()) throw new AnyctxError("BAD_TRACE", `cannot read ${path}: ${await folderKind(path)}`);
  return info.size;
}

/** What a folder is: perf makes one of several files that only together are a recording. */
async function folderKind(path: string): Promise<string> {
  const isPerf = await stat(join(path, "data.0")).then(
    () => true,
    () => false,
  );
  return isPerf
    ? "it is a folder of perf record --threads, whose files are not read; without it perf writes one"
    : "it is a folder";
}

async function* readFileChunks(path: string): AsyncIterable<Uint8Array> {
  try {
    yield* createReadStream(path, { highWaterMark: CHUNK_BYTES }) as AsyncIterable<Uint8Array>;
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** Gunzip on zlib's own thread: the next piece is unpacked while the last one is read. */
const gunzipNode: Unpack = (packed) =>
  // An error reaches the reader through the iteration.
  pipeline(Readable.from(packed), createGunzip({ chunkSize: UNPACKED_BYTES }), () => undefined);
