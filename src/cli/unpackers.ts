/** How recordings are unpacked whose packing Node itself does not know. */
import { Decompress } from "fzstd";
import xz from "xz-decompress";
import { chunksOf, streamOf, type Unpackers } from "../events/unpack.ts";

async function* unzstd(packed: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const ready: Uint8Array[] = [];
  let any = false;
  const unpacker = new Decompress((chunk) => ready.push(chunk));
  for await (const chunk of packed) {
    any = true;
    unpacker.push(chunk);
    yield* ready.splice(0);
  }
  if (any) unpacker.push(new Uint8Array(0), true);
  yield* ready.splice(0);
}

async function* unxz(packed: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  yield* chunksOf(new xz.XzReadableStream(streamOf(packed)));
}

export const UNPACKERS: Unpackers = { zstd: unzstd, xz: unxz };
