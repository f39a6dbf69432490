/** Why some of Linux's selftests come out otherwise here: rules, none of safety. */

/** What linking refuses by a program's structure, which Linux's verifier refuses too. */
export const STRUCTURE: RegExp =
  /frame is 512|r10, the frame|goes to slot|runs off|jumps into another|in a circle|frames deep|second half|registers go/;

interface SelftestReason {
  readonly says: RegExp;
  readonly why: string;
}

/** Linux refuses, by what its log says; we accept. */
export const LOADED_HERE: readonly SelftestReason[] = [
  { says: /read from map forbidden/, why: "BPF_F_WRONLY_PROG of a map's creation binds the system calls here" },
  {
    says: /pointer be out of bounds|math between|subtraction from stack pointer/,
    why: "where a pointer leads matters when it is used",
  },
  { says: /max value is outside/, why: "a shift by 32 in 32 bits is one by 0, as RFC 9669 says" },
  { says: /infinite loop/, why: "the branch back is never taken: the context is not NULL" },
  { says: /modified ctx ptr/, why: "a field at a constant offset is one, however the offset came about" },
  {
    says: /invalid bpf_context access/,
    why: "which fields a kernel's struct has for whom, and how wide they are read",
  },
  { says: /misaligned packet access/, why: "memory need not be aligned here" },
  {
    says: /invalid access to packet/,
    why: "Linux's offsets into packets end at 65,535; here they are followed further, and numbers on the stack more closely",
  },
  { says: /div by zero/, why: "RFC 9669 says what a division by 0 gives" },
  {
    says: /should have been in|disabled hook/,
    why: "what each security hook returns, and which may be used, is a kernel's matter",
  },
  { says: /regs=/, why: "the test is of a log, and it divides by 0" },
  { says: /invalid size|^$/, why: "part of a pointer is a number" },
  {
    says: /same insn cannot be used with different pointers/,
    why: "Linux rewrites accesses to its structs; here they are memory",
  },
];

/** Linux accepts; we refuse, by what we say. */
export const REFUSED_HERE: readonly SelftestReason[] = [
  {
    says: /r10, the frame pointer/,
    why: "it is written to in code that no path leads to; structure is looked at before paths",
  },
  { says: /of the context at offset .* socket_filter/, why: "the context of a socket filter is the packet here" },
  { says: /^result: .* lsm/, why: "hooks that return nothing are not told apart" },
  { says: /at map |which cannot be moved/, why: "a map's descriptor is no memory here" },
  { says: /it reads r9/, why: "that two halves of a number on the stack are one number is not known" },
];

export function reasonFor(reasons: readonly SelftestReason[], said: string): string | undefined {
  return reasons.find(({ says }) => says.test(said))?.why;
}
