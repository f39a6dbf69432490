/**
 * What stands where a program must not get to: it is refused where a path leads there, and an unverified run that comes there is stopped.
 * Dead code may have it, as in Linux, which looks at paths.
 */
import type { Helper } from "./helper.ts";
import type { Stop } from "./rules.ts";

function trap(name: string, stop: Stop, doc: string): Omit<Helper, "id"> {
  const { why } = stop;
  return {
    ...{ name, parameters: [], final: stop, result: "none", doc },
    action: { type: "service", run: (call) => call.fail(why) },
  };
}

export const TRAPS: readonly Omit<Helper, "id">[] = [
  trap(
    "bpf_trap",
    {
      category: "unsupported",
      why: "what is asked for here is not there: no function or field that is known of the kernel that the program is for",
      suggestion: "Ask with bpf_ksym_exists() or bpf_core_field_exists() first, or do without it.",
    },
    "What stands where a kernel has no such function or field: a program that asks first never gets to it, and is stopped otherwise.",
  ),
  trap(
    "bpf_frame_pointer_written",
    {
      category: "read-only",
      why: "it writes to r10, the frame pointer, which is read-only",
      suggestion: "Take another register.",
    },
    "What stands where an instruction writes to r10: a program that gets to it is stopped.",
  ),
];
