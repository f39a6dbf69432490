/** Where the two verifiers differ, and why: rules, not safety. What fits no row is a mistake of one of them. */
export interface Reason {
  /** What the one that refuses says. */
  readonly says: RegExp;
  readonly why: string;
}

/** Linux refuses, we accept. */
export const ONLY_HERE: readonly Reason[] = [
  {
    says: /^invalid shift/,
    why: "Linux wants the distance of a shift below the width; here its lowest bits count, as RFC 9669 says",
  },
  { says: /^div by zero/, why: "Linux wants no division by a constant 0; RFC 9669 says what it gives" },
  {
    says: /^math between .* pointer and (register with unbounded|\d)/,
    why: "Linux 6.18 does not follow a modulo, a division or so: it knows less of the number",
  },
  {
    says: /(max|min) value is (outside of the allowed|negative)/,
    why: "Linux 6.18 knows less of the number: bounds through divisions, signed shifts and halves",
  },
  {
    says: /invalid zero-sized/,
    why: "Linux does not know that a helper's number is of 32 bits, and so not what follows from a comparison with it",
  },
  {
    says: /^value .* makes .* pointer be out of bounds/,
    why: "Linux knows less of the number, and wants no pointer far outside even where it is not used",
  },
  {
    says: /^(unreachable insn|jump out of range|last insn is not)/,
    why: "code that no path leads to is not looked at",
  },
  {
    says: /^invalid bpf_context access off=20 size=4/,
    why: "egress_ifindex, which Linux shows to programs of a map of devices alone",
  },
  {
    says: /^(cannot spill pointers to stack into stack frame of the caller|invalid size of register spill)/,
    why: "a pointer to the caller's own stack outlives the function; half of a pointer is a number",
  },
  {
    says: /cannot pass map_type|cannot (write|read) into/,
    why: "which helpers take which map is a rule of each kind here",
  },
];

/** Linux accepts, we refuse. */
export const ONLY_LINUX: readonly Reason[] = [
  {
    says: /^argument: bpf_ringbuf_reserve\(\) takes a constant size/,
    why: "a reservation of 2 GiB and more is refused before it fails",
  },
  {
    says: /^bounds: .* of a record of 0 bytes/,
    why: "a record of 2 GiB and more is never there: nothing of it is read",
  },
  { says: /^unsupported: .*reserved field/, why: "Linux ignores some fields that RFC 9669 reserves" },
  {
    says: /^bounds: .* of the context, which has/,
    why: "how many arguments a tracepoint has is known here; Linux asks when it attaches",
  },
  {
    says: /^alignment: .* which may begin anywhere/,
    why: "WebAssembly traps where an atomic access is not at a multiple of its size; x86-64 does it",
  },
  { says: /^type: it reads .* at map/, why: "a kernel's map has fields that programs may read; here it is no struct" },
];
