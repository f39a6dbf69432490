/** The kernels whose types come along, by name. Each module is read when it is asked for. */
import type { KernelTypes } from "./kernel-types.ts";

export const SHIPPED: Readonly<Record<string, () => Promise<KernelTypes>>> = {
  "linux-6.1": async () => (await import("./linux-6.1.ts")).LINUX_6_1,
  "linux-6.12": async () => (await import("./linux-6.12.ts")).LINUX_6_12,
  "linux-6.18": async () => (await import("./linux-6.18.ts")).LINUX_6_18,
};
