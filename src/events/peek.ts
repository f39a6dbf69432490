/** Looks at the first bytes of a stream without taking them from whoever reads it then. */

export interface Peeked {
  readonly first: Uint8Array;
  /** The whole stream, `first` included; to be iterated once. */
  readonly all: AsyncIterable<Uint8Array>;
  /** Gives the stream up, however far it was read. */
  close(): Promise<void>;
}

/** Reads until `most` bytes are there, or all. */
export async function peek(input: AsyncIterable<Uint8Array>, most: number): Promise<Peeked> {
  const iterator = input[Symbol.asyncIterator]();
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  while (bytes < most) {
    const { done, value } = await iterator.next();
    if (done === true) break;
    chunks.push(value);
    bytes += value.length;
  }
  return {
    first: beginning(chunks, most),
    all: following(chunks, iterator),
    close: async () => {
      await iterator.return?.();
    },
  };
}

/** The first bytes of the chunks, at most so many. */
function beginning(chunks: readonly Uint8Array[], most: number): Uint8Array {
  const first = new Uint8Array(most);
  let at = 0;
  for (const chunk of chunks) {
    const part = chunk.subarray(0, most - at);
    first.set(part, at);
    at += part.length;
  }
  return first.subarray(0, at);
}

async function* following(chunks: readonly Uint8Array[], rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* chunks;
    for (let part = await rest.next(); part.done !== true; part = await rest.next()) yield part.value;
  } finally {
    await rest.return?.();
  }
}
