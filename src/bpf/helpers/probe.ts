/** Helpers that read memory which need not be there. */
import type { Helper } from "./helper.ts";
import { DESTINATION, SIZE, SOURCE } from "./parameters/memory.ts";

const PROBE_READ: Omit<Helper, "id" | "name"> = {
  group: "tracing",
  parameters: [DESTINATION, SIZE, SOURCE],
  action: { type: "core", name: "probeRead" },
  result: "i32",
  doc: "Copies size bytes from an address that need not exist; -EFAULT and zeroes if it does not.",
};

const PROBE_READ_STRING: Omit<Helper, "id" | "name"> = {
  ...PROBE_READ,
  atMostSize: true,
  action: { type: "core", name: "probeReadString" },
  doc: "Copies a NUL-terminated string of at most size bytes; returns its length with the NUL, or -EFAULT.",
};

/** Programs of every type may read the kernel's memory, with the right to. */
const FOR_ALL = { group: "base" } as const;

export const PROBE_HELPERS: readonly Helper[] = [
  { id: 4, name: "probe_read", ...PROBE_READ },
  { id: 45, name: "probe_read_str", ...PROBE_READ_STRING },
  { id: 112, name: "probe_read_user", ...PROBE_READ, ...FOR_ALL },
  { id: 113, name: "probe_read_kernel", ...PROBE_READ, ...FOR_ALL },
  { id: 114, name: "probe_read_user_str", ...PROBE_READ_STRING, ...FOR_ALL },
  { id: 115, name: "probe_read_kernel_str", ...PROBE_READ_STRING, ...FOR_ALL },
  { id: 148, name: "copy_from_user", ...PROBE_READ, sleeps: true },
];
