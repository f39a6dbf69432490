/** Recordings as commands get them: files, or standard input, packed in whatever way is known. */
import { openEvents } from "../events/file.ts";
import type { OpenOptions } from "../events/open.ts";
import type { EventStream } from "../events/source.ts";
import { UNPACKERS } from "./unpackers.ts";

/** @throws {AnyctxError} as `openEvents` */
export function openRecording(
  input: string | AsyncIterable<Uint8Array>,
  options: OpenOptions = {},
): Promise<EventStream> {
  return openEvents(input, { unpackers: UNPACKERS, ...options });
}
