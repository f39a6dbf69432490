import assert from "node:assert/strict";
import { test } from "node:test";
import { Arena } from "../arena/arena.ts";
import { assemble } from "../bpf/isa/assemble.ts";
import { specOfInstructions } from "../bpf/object/spec.ts";
import { programKind } from "../bpf/programs/table.ts";
import { BatchWriter } from "../events/batch.ts";
import { PACKET_EVENT, writePacket } from "../events/packet.ts";
import type { Engine } from "../load/choices.ts";
import { programHost } from "../load/host.ts";
import { loadSpec } from "../load/load.ts";
import { DEFAULT_RULE } from "./interrupts.ts";
import { EventRunner } from "./runner.ts";

/** Reads the packet's last byte where its context says that the packet lies, and one behind it for `beyond`. */
const filterOf = (packetBytes: number, beyond: boolean): string =>
  `r1 = *(u32 *)(r1 + 76)\nr0 = *(u8 *)(r1 + ${packetBytes - 1 + (beyond ? 1 : 0)})\nexit`;

for (const engine of ["jit", "interpreter"] as const satisfies readonly Engine[])
  test(`a socket filter runs on each packet of a source, whatever its length (${engine})`, async () => {
    const arena = await Arena.create({ cpus: 1 });
    const counts = (packetBytes: number, beyond: boolean): readonly number[] => {
      const spec = specOfInstructions("filter", assemble(filterOf(packetBytes, beyond)));
      const programs = spec.programs.map((program) => ({ ...program, kind: programKind("socket/http") }));
      const loaded = loadSpec(arena, { ...spec, programs }, { engine });
      const runner = new EventRunner(
        arena,
        loaded.programs,
        [PACKET_EVENT],
        DEFAULT_RULE,
        programHost(arena, () => undefined),
      );
      const batch = new BatchWriter(4096, 4096);
      const place = { time: 0n, cpu: 0, level: "softirq", wireLength: packetBytes, event: 0 } as const;
      writePacket(batch, new Uint8Array(0), new Uint8Array(packetBytes), place);
      const { bytes } = batch.take() ?? assert.fail();
      const size = bytes.length;
      const record = arena.allocate(size);
      new Uint8Array(arena.memory.buffer).set(bytes, record);
      runner.replay(record, size);
      runner.free();
      return runner.counts.programs.flatMap(({ runs, errors }) => [runs, errors]);
    };
    assert.deepEqual(counts(64, false), [1, 0]);
    assert.deepEqual(counts(1504, false), [1, 0]);
    // Only the interpreter knows where the packet ends.
    if (engine === "interpreter") assert.deepEqual(counts(64, true), [1, 1]);
    arena.detach();
  });
