import assert from "node:assert/strict";
import { test } from "node:test";
import { Arena } from "../arena/arena.ts";
import { assemble } from "../bpf/isa/assemble.ts";
import { specOfInstructions } from "../bpf/object/spec.ts";
import { programKind } from "../bpf/programs/table.ts";
import type { SourceEvent } from "../events/event.ts";
import { RECORD } from "../events/record.ts";
import { programHost } from "../load/host.ts";
import { type Engine, loadSpec } from "../load/load.ts";
import { DEFAULT_RULE } from "./interrupts.ts";
import { EventRunner } from "./runner.ts";

const PACKET: SourceEvent = {
  ...{ index: 0, name: "packet", category: "net", unprinted: [], unreadable: [] },
  format: { name: "packet", category: "net", id: 1, size: 0, fields: [] },
};

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
        [PACKET],
        DEFAULT_RULE,
        programHost(arena, () => undefined),
      );
      const size = RECORD.payload + packetBytes;
      const record = arena.allocate(size);
      new DataView(arena.memory.buffer).setUint32(record + RECORD.size, size, true);
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
