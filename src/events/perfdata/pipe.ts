/** What is in a `perf.data` that perf writes to a pipe: attributes and formats are records, in front of the others. */
import { Cursor } from "../bytes.ts";
import { newTracingData } from "../tracepoints/tracing-data.ts";
import { type Attribute, readAttribute, readIds } from "./attribute.ts";
import { BEGINNING_BYTES, type PerfData, tracingIn } from "./file.ts";
import { type FoundRecord, Framer, RECORD_TYPES, recordsIn } from "./records.ts";

/** The first of these ends what is in front. */
const OTHERS: readonly number[] = [
  ...[RECORD_TYPES.sample, RECORD_TYPES.finishedRound, RECORD_TYPES.compressed, RECORD_TYPES.compressed2],
];

/**
 * Reads what is in front, and then on as it comes.
 * @throws {AnyctxError} BAD_TRACE for one that is damaged there
 */
export async function readPerfPipe(bytes: AsyncIterable<Uint8Array>, name: string): Promise<PerfData> {
  const iterator = withoutBeginning(bytes)[Symbol.asyncIterator]();
  const framer = new Framer();
  const attributes: Attribute[] = [];
  const seen: Uint8Array[] = [];
  let tracing = newTracingData();
  for (let isFront = true; isFront; ) {
    const { done, value } = await iterator.next();
    if (done === true) break;
    seen.push(value);
    const piece = framer.add(value);
    for (const record of piece === undefined ? [] : recordsIn(piece)) {
      if (record.type === RECORD_TYPES.attribute) attributes.push(attributeOf(record, name));
      if (record.type === RECORD_TYPES.tracingData)
        tracing = tracingIn(new Cursor(record.piece.bytes, name, record.at + record.size), name);
      if (OTHERS.includes(record.type)) isFront = false;
    }
    if (framer.isDamaged) break;
  }
  return { attributes, tracing, isElsewhere: false, chunks: following(seen, iterator) };
}

function attributeOf({ piece, at, size }: FoundRecord, name: string): Attribute {
  const cursor = new Cursor(piece.bytes.subarray(0, at + size), name, at + 8);
  const bytes = piece.view.getUint32(at + 12, true);
  const attribute = readAttribute(cursor, bytes);
  return { ...attribute, ids: readIds(cursor, size - 8 - bytes) };
}

async function* withoutBeginning(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let left = BEGINNING_BYTES;
  for await (const chunk of bytes) {
    if (left < chunk.length) yield chunk.subarray(left);
    left = Math.max(0, left - chunk.length);
  }
}

async function* following(seen: readonly Uint8Array[], rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* seen;
    for (let part = await rest.next(); part.done !== true; part = await rest.next()) yield part.value;
  } finally {
    await rest.return?.();
  }
}
