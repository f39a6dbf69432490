/** Groups of helpers. */

/**
 * What a program type allows as a whole. `base`: every type, as it needs nothing but maps, time and the CPU; `task`: what asks
 * about the current task; `tracing`: what looks at the kernel's memory; `packet`: what reads a packet that `struct __sk_buff` is
 * about, `change`: what changes it; `xdp`: both of one that `struct xdp_md` is about.
 */
export type HelperGroup = "base" | "task" | "tracing" | "packet" | "change" | "xdp";
