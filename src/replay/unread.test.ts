/** Programs that read what a recording does not tell: they get 0, the run goes on, and each field is named. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Arena } from "../arena/arena.ts";
import { assemble } from "../bpf/isa/assemble.ts";
import { specOfInstructions } from "../bpf/object/spec.ts";
import { programKind } from "../bpf/programs/table.ts";
import { openEventStream } from "../events/open.ts";
import type { Engine } from "../load/choices.ts";
import { loadSpec } from "../load/load.ts";
import type { ProgramCounts } from "./counts.ts";
import { DEFAULT_RULE } from "./interrupts.ts";
import { replay } from "./ordered.ts";
import type { UnreadRule } from "./unread.ts";

interface Case {
  readonly section: string;
  readonly program: string;
  readonly lines: readonly string[];
  readonly unread?: UnreadRule;
  readonly engine?: Engine;
}

async function countsOf({ section, program, lines, unread = "error", engine = "jit" }: Case): Promise<ProgramCounts> {
  const arena = await Arena.create({ cpus: 2 });
  const spec = specOfInstructions("p", assemble(program));
  const programs = spec.programs.map((each) => ({ ...each, kind: programKind(section) }));
  const loaded = loadSpec(arena, { ...spec, programs }, { engine });
  const text = lines.map((line) => `            bash-7       [001] ..... 1.000001: ${line}\n`).join("");
  const stream = await openEventStream(
    (async function* () {
      yield new TextEncoder().encode(text);
    })(),
  );
  const rule = { ...DEFAULT_RULE, unread };
  const none = (): void => undefined;
  const { counts } = await replay(arena, loaded.programs, stream, rule, none, none);
  arena.detach();
  return counts.programs[0] ?? assert.fail();
}

// "handled" is any number but 0; "unhandled" is 0.
const HANDLER = ["irq_handler_exit: irq=4 ret=handled", "irq_handler_exit: irq=4 ret=unhandled"];
const READS_RET = "r0 = *(s32 *)(r1 + 12)\nexit";
/** Reads the result only of the interrupt 4. */
const READS_RET_OF = (irq: number): string =>
  `r2 = *(s32 *)(r1 + 8)\nr0 = 0\nif r2 != ${irq} goto out\nr0 = *(s32 *)(r1 + 12)\nout:\nexit`;

for (const engine of ["jit", "interpreter"] as const) {
  test(`a field that a line does not tell: the runs that read it are errors (${engine})`, async () => {
    const section = "tracepoint/irq/irq_handler_exit";
    const read = await countsOf({ section, program: READS_RET, lines: HANDLER, engine });
    assert.deepEqual([read.runs, read.errors, read.unread], [2, 1, 1]);
    assert.deepEqual(read.unreadFields, { "irq_handler_exit.ret": 1 });
    assert.match(read.firstError ?? "", /reads ret of irq:irq_handler_exit/);
    const other = await countsOf({ section, program: READS_RET_OF(5), lines: HANDLER, engine });
    assert.deepEqual([other.runs, other.errors, other.unread], [2, 0, 0]);
    const same = await countsOf({ section, program: READS_RET_OF(4), lines: HANDLER, engine });
    assert.deepEqual([same.runs, same.errors, same.unread], [2, 1, 1]);
    const zero = await countsOf({ section, program: READS_RET, lines: HANDLER, unread: "zero", engine });
    assert.deepEqual([zero.runs, zero.errors, zero.unread], [2, 0, 0]);
  });

  test(`arguments of raw tracepoints that no recording has (${engine})`, async () => {
    const lines = ["signal_deliver: sig=9 errno=0 code=0 sa_handler=0 sa_flags=0"];
    const argument = (offset: number): Promise<ProgramCounts> =>
      countsOf({ section: "raw_tp/signal_deliver", program: `r0 = *(u64 *)(r1 + ${offset})\nexit`, lines, engine });
    const action = await argument(16);
    assert.deepEqual([action.runs, action.errors], [1, 1]);
    assert.deepEqual(Object.keys(action.unreadFields), ["signal_deliver.struct k_sigaction *"]);
    const number = await argument(0);
    assert.deepEqual([number.runs, number.errors], [1, 0]);
  });
}

test("the number of a system call is filled in, and counts as told", async () => {
  const section = "tracepoint/syscalls/sys_enter_openat";
  const counts = await countsOf({
    section,
    program: "r2 = *(s32 *)(r1 + 8)\nif r2 == 257 goto right\nr1 = 0\nr1 = *(u64 *)(r1 + 0)\nright:\nr0 = 0\nexit",
    lines: ["sys_openat(dfd: 0xffffff9c, filename: 0x7ffe69807490, flags: 0, mode: 0)"],
    engine: "interpreter",
  });
  assert.deepEqual([counts.runs, counts.errors, counts.firstError], [1, 0, undefined]);
});
