/** The document of `anyctx advise`, and what every way of printing it says in the same words. */

import { totalMisses } from "../../arena/caches.ts";
import type { Missing } from "../../events/source.ts";
import type { AdviceReport, KernelAdvice, MapAdvice } from "../../explore/advise/advice.ts";
import { mapName, programName } from "../names.ts";
import { count, plural, printable, size } from "../text.ts";
import type { FailOn } from "./values.ts";

/** What `anyctx advise --json` prints. */
export interface AdviceDocument extends AdviceReport {
  readonly object: string;
  /** Files by their objects' labels, where there are several; `object` is all of them. */
  readonly files?: Readonly<Record<string, string>>;
  /** What `--fail-on` asked for and is there, a sentence each. */
  readonly failed: readonly string[];
}

export const kernelName = ({ realTime }: Pick<KernelAdvice, "realTime">): string => (realTime ? "RT" : "non-RT");

/** Updates that fail, the fewest and the most. */
export function missText(kernel: KernelAdvice): string {
  const most = totalMisses(kernel.misses);
  return kernel.missesFewest === most ? count(most) : `${count(kernel.missesFewest)}-${count(most)}`;
}

/** What a recording lacks, a sentence each. */
export function missingText({ lost, skipped, skippedBy }: Missing): string[] {
  // A mark of lost events is said by their number.
  const { lost: marks = 0, ...others } = skippedBy;
  const reasons = Object.entries(others).map(([reason, number]) => `${reason} ${count(number)}`);
  return [
    ...(lost === 0
      ? []
      : [`${plural(lost, "event")} lost in the recording: what they would have done is in no figure`]),
    ...(skipped === marks ? [] : [`${plural(skipped - marks, "line")} of the trace skipped: ${reasons.join(", ")}`]),
  ];
}

/** What is not in the figures, a sentence each: nothing is lost in silence. */
export function warnings({
  lost,
  skipped,
  skippedBy,
  programs,
  skippedPrograms,
  profile,
  kernel,
}: AdviceReport): string[] {
  return [
    ...(profile === "linux-nolock"
      ? ["a forecast: no released kernel has hashes that ask the slab itself; what kmalloc_nolock is known to do"]
      : []),
    ...(kernel === "6.18" ? [] : [`bytes are those of Linux 6.18, not of ${kernel}`]),
    ...missingText({ lost, skipped, skippedBy }),
    ...programs.flatMap(({ name: own, object, attached, runs, errors, leftOut, firstError }) => {
      const name = programName({ object, name: own });
      return [
        ...(attached && runs > 0 ? [] : [`${name} never ran: the trace has no event of its`]),
        ...(errors === 0
          ? []
          : [`${name} was stopped in ${count(errors)} of ${count(runs)} runs: ${printable(firstError ?? "")}`]),
        ...(leftOut === 0 ? [] : [`${name} was not run on ${plural(leftOut, "more event")}`]),
      ];
    }),
    ...skippedPrograms.map((each) => `${programName(each)} not loaded: ${printable(each.reason)}`),
  ];
}

/** What is there of what `--fail-on` names. A preallocated hash's updates do not fail for memory. */
export function failures({ maps, total }: AdviceReport, { enomem, bytes }: FailOn): string[] {
  const failing = enomem ? maps.filter(({ dynamic }) => dynamic).flatMap(failingKernels) : [];
  const whose = maps.some(({ objects }) => objects !== undefined) ? "the objects'" : "the object's";
  const large = bytes !== undefined && total.declared > bytes;
  return [
    ...failing,
    ...(large ? [`${whose} maps take ${count(total.declared)} bytes, more than ${count(bytes)}`] : []),
  ];
}

function failingKernels({ name, objects, kernels = [] }: MapAdvice): string[] {
  return kernels
    .filter(({ misses }) => totalMisses(misses) > 0)
    .map(
      (kernel) =>
        `${mapName(name, objects)} is dynamic, and ${missText(kernel)} of its updates fail (${kernelName(kernel)})`,
    );
}

/** All maps together, in a line. */
export function totalText({ total }: AdviceReport): string {
  const { declared, preallocated, dynamic, advised, without } = total;
  const rest = without.length === 0 ? "" : `; without ${without.map(printable).join(", ")}`;
  return `${size(declared)} as declared, ${size(preallocated)} preallocated, ${size(dynamic)} dynamic, ${size(advised)} as advised${rest}`;
}
