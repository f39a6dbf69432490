/** Files that hold no events, by name: who mistook one gets told what it is. */

import { letters } from "./bytes.ts";

interface Foreign {
  readonly is: string;
  readonly magic: readonly number[];
}

const ascii = (text: string): number[] => [...text].map((letter) => letter.charCodeAt(0));

/** By their first bytes. */
const FOREIGN: readonly Foreign[] = [
  { is: "an ELF file (an object or a program)", magic: [0x7f, ...ascii("ELF")] },
  { is: "a zip archive", magic: ascii("PK\u0003\u0004") },
  { is: "BTF (types of a kernel or an object)", magic: [0x9f, 0xeb] },
  { is: "a WebAssembly module", magic: [0x00, ...ascii("asm")] },
  { is: "a PDF document", magic: ascii("%PDF") },
  { is: "an SQLite database", magic: ascii("SQLite format 3") },
  { is: "a picture (PNG)", magic: [0x89, ...ascii("PNG")] },
  { is: "a journal of systemd", magic: ascii("LPKSHHRH") },
  { is: "a trace of LTTng (CTF)", magic: [0xc1, 0x1f, 0xfc, 0xc1] },
];

/** Texts by how they begin: without that they would be traces without a line that is one. */
const FOREIGN_TEXTS: readonly (readonly [is: string, begins: RegExp])[] = [
  ["a histogram of tracefs (a hist trigger's)", /^# event histogram\n/],
  ["what bpftrace prints", /^(?:Attach(?:ing|ed) \d+ probes?|\{"type": *"attached_probes")/],
  ["a recording of perf's as JSON (perf data convert)", /^\{\s*"linux-perf-json-version"/],
  ["a trace of Chrome's", /^\{\s*"traceEvents"/],
];

/** What a text is that begins so; undefined: it may be a trace. */
export function foreignText(first: Uint8Array): string | undefined {
  const text = letters(first);
  return FOREIGN_TEXTS.find(([, begins]) => begins.test(text))?.[0];
}

/** What an input is that begins so; undefined: nobody knows. */
export function foreignKind(first: Uint8Array): string | undefined {
  return FOREIGN.find(({ magic }) => magic.every((byte, index) => first[index] === byte))?.is;
}
