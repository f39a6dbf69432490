/** Why some of Linux's selftests come out otherwise here: rules, none of safety. */

/** What linking refuses by a program's structure or type, which Linux's verifier refuses too. */
export const STRUCTURE: RegExp =
  /is not for programs of type|may not attach to|frame is 512|goes to slot|runs off|jumps into another|in a circle|frames deep|second half|registers go|is to be called when it ends itself/;

interface SelftestReason {
  readonly says: RegExp;
  readonly why: string;
}

/** Linux refuses, by what its log says; we accept. */
export const LOADED_HERE: readonly SelftestReason[] = [
  { says: /max value is outside/, why: "a shift by 32 in 32 bits is one by 0, as RFC 9669 says" },
  {
    says: /global function calls are not allowed with preemption disabled/,
    why: "since Linux 6.15 they are, if they may not sleep",
  },
  {
    says: /invalid mem access 'map_value_or_null'/,
    why: "since Linux 6.14 a value of an array under a constant that is one of its indices is there",
  },
  { says: /modified ctx ptr/, why: "a field at a constant offset is one, however the offset came about" },
  {
    says: /invalid access to packet/,
    why: "numbers that were kept on the stack in parts are followed more closely than in Linux",
  },
  { says: /^invalid size/, why: "part of a pointer is a number" },
  {
    says: /helper call is not allowed in probe/,
    why: "which functions of a kernel give a path is a list of the kernel's",
  },
  { says: /R7 invalid mem access 'sock_or_null'/, why: "what is compared with NULL and is not the same is not NULL" },
  {
    says: /invalid indirect read from stack/,
    why: "bytes of the stack that nothing was written to may be read, unless a kernel is named that did not allow it",
  },
  {
    says: /doesn't return scalar/,
    why: "what a global function leaves that returns nothing is a number that nobody knows",
  },
  {
    says: /size cannot be determined|expected pointer to stack or const struct bpf_dynptr/,
    why: "a global function whose types say too little is followed from each of its calls",
  },
  {
    says: /trusted_walked|type=untrusted_ptr_|trusted_ptr_or_null_/,
    why: "which members of the kernel's structs are to be trusted, or may be NULL, is in the kernel's own types; reading them never faults here",
  },
  {
    says: /attach to unsupported member/,
    why: "which members of a struct of its operations a kernel takes is its own list",
  },
];

/** Linux accepts; we refuse, by what we say. */
export const REFUSED_HERE: readonly SelftestReason[] = [
  { says: /at map |which cannot be moved/, why: "a map's descriptor is no memory here" },
  { says: /takes a map as argument 1 and is given/, why: "maps that a kernel iterates over are none of the program's" },
  { says: /it reads r9/, why: "that two halves of a number on the stack are one number is not known" },
  { says: /bpf_dynptr_from_skb is not for/, why: "programs of netfilter have no packet here" },
];

export function reasonFor(reasons: readonly SelftestReason[], said: string): string | undefined {
  return reasons.find(({ says }) => says.test(said))?.why;
}
