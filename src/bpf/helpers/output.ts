/** `bpf_perf_event_output`: records for user space. The interpreter and compiled programs share it. */
import { ERRNO } from "../../error.ts";
import { wordAt } from "../../wasm/reader.ts";
import type { ProgramHost } from "../host.ts";
import type { LinkedMap } from "../linked.ts";

/** BPF_F_CURRENT_CPU and BPF_F_INDEX_MASK; above them a length of the context, which is added to no record here. */
const INDEX_MASK = 0xffffffffn;
const CONTEXT_LENGTH_MASK = 0xfffffn << 32n;
const CURRENT_CPU = INDEX_MASK;

/**
 * @param cpu address of the current CPU's area
 * @param record where it lies, and its bytes
 * @returns 0 or -errno, as Linux has it
 */
export function perfEventOutput(
  host: ProgramHost,
  map: Pick<LinkedMap, "address" | "maxEntries"> | undefined,
  cpu: number,
  flags: bigint,
  record: { readonly address: number; readonly bytes: number },
): number {
  if (map === undefined || (flags & ~(INDEX_MASK | CONTEXT_LENGTH_MASK)) !== 0n) return -ERRNO.EINVAL;
  const current = wordAt(host.memory, cpu + host.layout.id);
  const index = (flags & INDEX_MASK) === CURRENT_CPU ? current : Number(flags & INDEX_MASK);
  if (index >= map.maxEntries) return -ERRNO.E2BIG;
  if (host.output === undefined) return -ERRNO.ENOENT;
  // An event is read on its own CPU.
  if (index !== current) return -ERRNO.EOPNOTSUPP;
  host.output(map.address, current, new Uint8Array(host.memory.buffer, record.address, record.bytes).slice());
  return 0;
}
