/** Packets of a capture as records: each received in the context that whoever reads it says. */
import { AnyctxError } from "../../error.ts";
import { BatchWriter, DEFAULT_BATCH_BYTES, type EventBatch } from "../batch.ts";
import { ReadCounts } from "../counts.ts";
import { PACKET_CUT, PACKET_EVENT, PACKET_RECORD_BYTES, writePacket } from "../packet.ts";
import { ByteQueue } from "../queue.ts";
import type { ReadOptions, SkipReason, SourceEvents, SourceInput } from "../source.ts";
import { type Captured, readCapture } from "./capture.ts";
import { addedBytes, asEthernet, isKnownLink } from "./link.ts";

type Skip = "link" | "block" | "damaged";

const SKIP_REASONS: Readonly<Record<Skip, Omit<SkipReason, "reason">>> = {
  link: { doc: "a packet of a link type that is not known" },
  block: { doc: "a packet of an interface that the capture does not have, or longer than its block" },
  damaged: { doc: "the capture ends in the middle of a packet, or goes on as none does" },
};

export function readPackets({ bytes, name }: SourceInput, options: Omit<ReadOptions, "formats"> = {}): SourceEvents {
  const events = [PACKET_EVENT];
  const counts = new ReadCounts<Skip>(SKIP_REASONS, events);
  return { events, counts, batches: readBatches(new ByteQueue(bytes), name, counts, options) };
}

async function* readBatches(
  queue: ByteQueue,
  name: string,
  counts: ReadCounts<Skip>,
  { batchBytes = DEFAULT_BATCH_BYTES, context = "softirq" }: ReadOptions,
): AsyncIterable<EventBatch> {
  const batch = new BatchWriter(batchBytes, PACKET_RECORD_BYTES);
  const captured: Captured = { lost: 0, damaged: false };
  try {
    for await (const packet of readCapture(queue, name, captured)) {
      counts.lost = captured.lost;
      if (packet === undefined) {
        counts.skip("block");
        continue;
      }
      const { data, wireLength, time, link } = packet;
      if (!isKnownLink(link)) {
        counts.skip("link", String(link));
        continue;
      }
      const full = batch.hasRoom() ? undefined : batch.take();
      if (full !== undefined) yield full;
      const [head, rest] = asEthernet(data, link);
      const place = { time, cpu: 0, level: context, wireLength: wireLength + addedBytes(data, link), event: 0 };
      if (!writePacket(batch, head, rest, place)) counts.unread(0, PACKET_CUT, 0);
      counts.keep(0);
    }
  } finally {
    await queue.close();
  }
  counts.lost = captured.lost;
  if (captured.damaged) counts.skip("damaged");
  const last = batch.take();
  if (last !== undefined) yield last;
  if (counts.read === 0) throw new AnyctxError("BAD_TRACE", `${name} is a capture without a packet that can be read`);
}
