/**
 * What the kernel's selftests expect of Linux's verifier, as their sources say it: `SEC("...")` before a function, with `__success` or
 * `__failure` between them.
 */
export interface Annotation {
  readonly program: string;
  readonly section: string;
  readonly expected: "accepted" | "rejected";
  /** What the kernel's log has in it. */
  readonly messages: readonly string[];
}

/** Annotations for other loaders, and for other machines. */
const OF_OTHERS = /__(success|failure|msg|retval|log_level|xlated|jited)_unpriv(\([^)]*\))?/g;

/** Of programs whose arguments libbpf's macros take out of the context: their first one is the name. */
const MACRO = /^BPF_[A-Z0-9_]+$/;

export function annotationsIn(source: string): Annotation[] {
  const plain = source.replace(/\/\*[\s\S]*?\*\//g, "").replace(/\/\/[^\n]*/g, "");
  return plain.split(/^(?=SEC\(")/m).flatMap((part) => {
    const section = /^SEC\("([^"]*)"\)/.exec(part)?.[1];
    const head = part.split("{")[0] ?? "";
    const marks = head.replace(OF_OTHERS, "");
    const [, called = "", first = ""] = /(\w+)\s*\(\s*(\w*)[^()]*\)\s*$/.exec(head.trimEnd()) ?? [];
    const program = MACRO.test(called) ? first : called;
    const expected = /\b__success\b/.test(marks) ? "accepted" : /\b__failure\b/.test(marks) ? "rejected" : undefined;
    // Flags of loading that there are none of here: memory need not be aligned.
    if (/BPF_F_STRICT_ALIGNMENT/.test(marks)) return [];
    if (section === undefined || program === "" || expected === undefined) return [];
    const messages = [...marks.matchAll(/__msg\("((?:[^"\\]|\\.)*)"\)/g)].map(([, text = ""]) => text);
    return [{ program, section, expected, messages }];
  });
}
