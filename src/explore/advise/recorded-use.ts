/** How a recording has programs run: in which contexts, and how often before interrupts come on. */

import { recordsIn } from "../../events/batch.ts";
import { type Context, contextOf, RECORD } from "../../events/record.ts";
import type { SourceEvents } from "../../events/source.ts";
import { type EventMoment, type InterruptRule, interruptSign, readMoment } from "../../replay/interrupts.ts";
import { type Attachable, attaches } from "../../replay/runner.ts";

export interface RecordedUse {
  /** The contexts that each program was recorded in, by its name. */
  readonly contexts: ReadonlyMap<string, ReadonlySet<Context>>;
  /** The most runs that one program had on one CPU between two signs that interrupts came on; 0 if none has any. */
  readonly longestStretch: number;
}

interface Use {
  readonly contexts: Set<Context>;
  /** Runs of the stretch that each CPU is in. */
  readonly stretches: Map<number, number>;
}

/** Reads all of a stream. */
export async function recordedUse(
  programs: readonly Attachable[],
  stream: SourceEvents,
  rule: InterruptRule,
): Promise<RecordedUse> {
  const uses = new Map(
    programs.map(({ name }) => [name, { contexts: new Set<Context>(), stretches: new Map() } as Use]),
  );
  const takers = stream.events.map((event) =>
    programs.filter((program) => attaches(program, event)).flatMap(({ name }) => uses.get(name) ?? []),
  );
  const before = new Map<number, EventMoment>();
  const now: EventMoment = { interruptsOff: false, preempt: 0, pid: 0, time: 0 };
  let longestStretch = 0;
  for await (const batch of stream.batches) {
    const view = new DataView(batch.bytes.buffer, batch.bytes.byteOffset, batch.bytes.length);
    for (const { at } of recordsIn(batch)) {
      const cpu = view.getUint16(at + RECORD.cpu, true);
      readMoment(view, at, now);
      const last = before.get(cpu);
      if (last === undefined) before.set(cpu, { ...now });
      else {
        if (interruptSign(rule, last, now) !== undefined)
          for (const { stretches } of uses.values()) stretches.delete(cpu);
        Object.assign(last, now);
      }
      for (const { contexts, stretches } of takers[view.getUint16(at + RECORD.event, true)] ?? []) {
        contexts.add(contextOf(view.getUint8(at + RECORD.level), view.getUint8(at + RECORD.flags)));
        const runs = (stretches.get(cpu) ?? 0) + 1;
        stretches.set(cpu, runs);
        longestStretch = Math.max(longestStretch, runs);
      }
    }
    batch.release?.();
  }
  return { contexts: new Map([...uses].map(([name, { contexts }]) => [name, contexts])), longestStretch };
}
