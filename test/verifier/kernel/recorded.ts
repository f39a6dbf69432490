/** What a kernel has answered, as it was recorded: `test/data/verifier/`. */
import { readFileSync, writeFileSync } from "node:fs";
import { gunzipSync, gzipSync } from "node:zlib";
import { encodeInstructions } from "../../../src/bpf/isa/instructions.ts";
import type { Candidate } from "./corpus.ts";
import type { KernelVerdict } from "./offer.ts";

export const RECORDED_FILE = "test/data/verifier/linux-6.18.jsonl.gz";

export interface RecordedVerdict {
  readonly name: string;
  /** Of the instructions: another program of that name is another program. */
  readonly digest: string;
  /** The log's last line where it was refused. */
  readonly log?: string;
}

/** FNV-1a. */
export function digestOf({ object }: Candidate): string {
  let digest = 0x811c9dc5;
  for (const byte of encodeInstructions(object.programs[0]?.instructions ?? []))
    digest = Math.imul(digest ^ byte, 0x01000193);
  return (digest >>> 0).toString(16);
}

const LONGEST_LOG = 120;

export function record(candidates: readonly Candidate[], verdicts: readonly KernelVerdict[], release: string): void {
  const rows = candidates.map((candidate, index): RecordedVerdict => {
    const verdict = verdicts[index];
    const log = verdict === undefined || verdict.accepted ? {} : { log: verdict.log.slice(0, LONGEST_LOG) };
    return { name: candidate.name, digest: digestOf(candidate), ...log };
  });
  const lines = [{ kernel: release }, ...rows].map((row) => JSON.stringify(row));
  writeFileSync(RECORDED_FILE, gzipSync(`${lines.join("\n")}\n`, { level: 9 }));
}

export function readRecorded(): { readonly kernel: string; readonly rows: readonly RecordedVerdict[] } {
  const [head = "{}", ...lines] = gunzipSync(readFileSync(RECORDED_FILE)).toString().trim().split("\n");
  return { kernel: JSON.parse(head).kernel, rows: lines.map((line) => JSON.parse(line) as RecordedVerdict) };
}
