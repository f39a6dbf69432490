/** What Linux gave for the programs of this folder: written by `npm run programs -- --record`. */
import { readFileSync, writeFileSync } from "node:fs";
import { gunzipSync, gzipSync } from "node:zlib";

const FILE = "test/data/programs-6.18.json.gz";

export interface ByLinux {
  /** r0 of each run, as an int. */
  readonly results: readonly number[];
  /** Packets that came out as others, in hex, by the run's number. */
  readonly packets: Readonly<Record<string, string>>;
  /** Maps at the end, entries in hex, sorted. */
  readonly maps: Readonly<Record<string, readonly (readonly [key: string, value: string])[]>>;
}

interface Recording {
  readonly release: string;
  readonly programs: Readonly<Record<string, ByLinux>>;
}

function read(): Recording {
  return JSON.parse(gunzipSync(readFileSync(FILE)).toString());
}

export const RECORDED = {
  programs: (): Record<string, ByLinux> => ({ ...read().programs }),
  write(programs: Recording["programs"], release: string): void {
    writeFileSync(FILE, gzipSync(`${JSON.stringify({ release, programs })}\n`));
  },
} as const;
