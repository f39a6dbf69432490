/** Helpers that read memory which need not be there. */
import { TRACING } from "./callers.ts";
import type { Helper } from "./helper.ts";
import { DESTINATION, SIZE, SOURCE } from "./parameters/memory.ts";

type Probe = Omit<Helper, "id" | "name">;

const bytes = (name: "probeRead" | "probeReadKernel" | "probeReadEither", failure: string): Probe => ({
  parameters: [DESTINATION, SIZE, SOURCE],
  action: { type: "core", name },
  result: "i32",
  doc: `Copies size bytes from an address that need not exist; ${failure} and zeroes if it does not.`,
});

const text = (name: "probeReadString" | "probeReadKernelString" | "probeReadEitherString", failure: string): Probe => ({
  ...bytes("probeRead", failure),
  atMostSize: true,
  action: { type: "core", name },
  doc: `Copies a NUL-terminated string of at most size bytes; returns its length with the NUL, or ${failure}.`,
});

/** What Linux says of memory that cannot be read, and of addresses that none of the kernel's has. */
const [USER, KERNEL] = ["-EFAULT", "-EFAULT, or -ERANGE for an address that is not the kernel's,"];

export const PROBE_HELPERS: readonly Helper[] = [
  { id: 4, name: "probe_read", ...bytes("probeReadEither", KERNEL), callers: TRACING },
  { id: 45, name: "probe_read_str", ...text("probeReadEitherString", KERNEL), callers: TRACING },
  { id: 112, name: "probe_read_user", ...bytes("probeRead", USER) },
  { id: 113, name: "probe_read_kernel", ...bytes("probeReadKernel", KERNEL) },
  { id: 114, name: "probe_read_user_str", ...text("probeReadString", USER) },
  { id: 115, name: "probe_read_kernel_str", ...text("probeReadKernelString", KERNEL) },
  { id: 148, name: "copy_from_user", ...bytes("probeRead", USER), sleeps: true },
];
