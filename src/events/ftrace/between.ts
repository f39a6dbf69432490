/** Lines that are no events and have a meaning all the same: losses, and what is printed around events. */

/** What the kernel prints, and trace-cmd. */
const LOST: readonly RegExp[] = [
  /^\s*CPU:\s*\d+ \[LOST (?:(\d+) )?EVENTS\]\s*$/,
  /^\s*(?:CPU:\s*\d+ )?\[(?:(\d+) )?EVENTS DROPPED\]\s*$/,
];
/** A stack below an event, as the kernel, trace-cmd and perf print it; what tools print in front of all. */
const ANNOTATION =
  /^\s*(?:=>.*)?$|: <(?:user )?stack trace>\s*$|^\s+[0-9a-f]{4,16} .*\)$|^(?:cpus=\d+|version = \d+|CPU \d+ is empty)$/;
/** Of function_graph: lines around one that says that another task came to run, and where an interrupt begins and ends. */
const GRAPH_ANNOTATION = /^\s*-{20,}\s*$|^\s*\d+\)\s.*-\d+\s+=>\s.*-\d+\s*$|\s(?:={6,}>|<={6,}) \|\s*$/;

/** Events that a line says were lost; undefined where it says nothing of that. */
export function lostIn(line: string): number | undefined {
  for (const pattern of LOST) {
    const found = pattern.exec(line);
    if (found !== null) return Number(found[1] ?? 1);
  }
  return undefined;
}

/** Whether a line without a head is something printed around events. */
export function isAnnotation(line: string): boolean {
  return ANNOTATION.test(line) || GRAPH_ANNOTATION.test(line);
}
