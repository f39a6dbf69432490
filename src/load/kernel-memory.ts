/** The kernel's memory as a direct run is given it: regions of bytes by address. */
import type { Arena } from "../arena/arena.ts";
import type { CoreFunction, KernelMemory } from "../bpf/host.ts";

/** Regions that are read as a whole or not at all: an access that leaves one finds nothing. */
export class Regions implements KernelMemory {
  regions: ReadonlyMap<bigint, Uint8Array> = new Map();

  read(address: bigint, bytes: number): Uint8Array | undefined {
    for (const [start, region] of this.regions) {
      const from = address - start;
      if (from >= 0n && from + BigInt(bytes) <= BigInt(region.length))
        return region.slice(Number(from), Number(from) + bytes);
    }
    return undefined;
  }

  /** The bytes of a text with its NUL, or up to the region's end. */
  readText(address: bigint, most: number): Uint8Array | undefined {
    for (const [start, region] of this.regions) {
      const from = address - start;
      if (from < 0n || from >= BigInt(region.length)) continue;
      const text = region.subarray(Number(from), Number(from) + most);
      const end = text.indexOf(0);
      return end < 0 ? text : text.subarray(0, end + 1);
    }
    return undefined;
  }
}

const OF_BYTES = ["probeRead", "probeReadKernel", "probeReadEither"] as const;
const OF_TEXTS = ["probeReadString", "probeReadKernelString", "probeReadEitherString"] as const;

/** The helpers that read memory which need not be there, of memory that is given; of anything else as the core does it. */
export function probes(arena: Arena, kernel: KernelMemory): Readonly<Record<string, CoreFunction>> {
  const { core } = arena;
  const place = (at: number, size: number): Uint8Array => new Uint8Array(arena.memory.buffer, at, size);
  const ofBytes =
    (name: (typeof OF_BYTES)[number]): CoreFunction =>
    (destination, size, source) => {
      const found = kernel.read(BigInt.asUintN(64, BigInt(source ?? 0)), Number(size));
      if (found === undefined) return core[name](Number(destination), Number(size), BigInt(source ?? 0));
      place(Number(destination), Number(size)).set(found);
      return 0;
    };
  const ofText =
    (name: (typeof OF_TEXTS)[number]): CoreFunction =>
    (destination, size, source) => {
      const most = Number(size);
      const found = kernel.readText(BigInt.asUintN(64, BigInt(source ?? 0)), most);
      if (found === undefined || most === 0) return core[name](Number(destination), most, BigInt(source ?? 0));
      const target = place(Number(destination), most);
      target.set(found);
      // Cut to the room there is, a text still ends.
      if (found.length === most) target[most - 1] = 0;
      return found.length;
    };
  return Object.fromEntries([
    ...OF_BYTES.map((name) => [name, ofBytes(name)]),
    ...OF_TEXTS.map((name) => [name, ofText(name)]),
  ]);
}
