/**
 * Keeping threads supplied that may not supply themselves: those in NMI context, AudioWorklets. A thread with a timer looks at
 * them every few milliseconds. How much it brings follows what was used while it was away (core/alloc/reserve.ts), so it
 * need not be punctual.
 */
import { AnyctxError } from "../error.ts";
import { CONSTANTS, LAYOUT } from "../wasm/face.ts";
import type { Attachment } from "./attachment.ts";
import { checkMayLock, mayLock, NMI_LEVEL } from "./contexts.ts";

/** Milliseconds between two looks, with threads to serve and without. Browsers' timers keep to 4 at least. */
const PERIOD = { serving: 4, idle: 16 } as const;

/** Made by `Arena.serve`. */
export interface Service {
  /** Batches of objects that were brought so far. */
  readonly batches: number;
  /** Ends it: threads in NMI context get nothing from here any more. */
  stop(): void;
}

/** Whether a thread that never refills itself holds the CPU. */
function isServed(attachment: Attachment, cpu: number): boolean {
  const area = attachment.core.cpuAreaAddress(cpu);
  const owner = attachment.word(area + LAYOUT.CpuArea.owner);
  return owner !== 0 && owner !== CONSTANTS.LEAVING && attachment.word(area + LAYOUT.CpuArea.level) === NMI_LEVEL;
}

/** Looks at all threads once; batches brought, or undefined if there is nobody to serve, or this thread may not lock by now. */
function serveOnce(attachment: Attachment): number | undefined {
  if (!mayLock(attachment)) return undefined;
  let brought: number | undefined;
  for (let cpu = 0; cpu < attachment.cpus; cpu++)
    if (cpu !== attachment.cpu && isServed(attachment, cpu)) brought = (brought ?? 0) + attachment.core.serveCpu(cpu);
  return brought;
}

/** As `Arena.serve`. */
export function serve(attachment: Attachment): Service {
  attachment.checkAttached();
  if (typeof setTimeout === "undefined")
    throw new AnyctxError("UNSUPPORTED", "This thread cannot serve others: it has no timers");
  checkMayLock(attachment, "serve other threads");
  let batches = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const look = (): void => {
    timer = undefined;
    if (attachment.isDetached) return;
    const brought = serveOnce(attachment);
    batches += brought ?? 0;
    timer = setTimeout(look, brought === undefined ? PERIOD.idle : PERIOD.serving);
  };
  look();
  return {
    get batches() {
      return batches;
    },
    stop() {
      clearTimeout(timer);
    },
  };
}
