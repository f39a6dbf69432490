/** `bpf_perf_event_output`: records for user space. */
import { ERRNO } from "../../error.ts";
import { pointerAt } from "../programs/packet-struct.ts";
import { programType } from "../programs/table.ts";
import { cpuNumber, type ServiceCall } from "./service.ts";

/** BPF_F_CURRENT_CPU and BPF_F_INDEX_MASK; above them how many bytes of the packet follow the record. */
const INDEX_MASK = 0xffffffffn;
const LENGTH_MASK = 0xfffffn << 32n;
const CURRENT_CPU = INDEX_MASK;

/** Where the first bytes of the packet lie, and how many are asked for; undefined where it has not so many. A program without one adds nothing. */
function packetPart(
  { program: { kind }, view, context }: ServiceCall,
  length: number,
): { readonly at: number; readonly length: number } | undefined {
  const struct = "reason" in kind ? undefined : programType(kind).packet;
  if (struct === undefined || length === 0) return { at: 0, length: 0 };
  const [begin = 0, end = 0] = [struct.data, struct.end].map((at) => pointerAt(view, context + at, struct.pointer));
  return end - begin < length ? undefined : { at: begin, length };
}

/** @returns 0 or -errno, as Linux has it */
export function perfEventOutput(
  call: ServiceCall,
  _: bigint | number,
  address: number,
  flags: bigint,
  data: number,
  size: number,
): number {
  const { host, bytes } = call;
  if ((flags & ~(INDEX_MASK | LENGTH_MASK)) !== 0n) return -ERRNO.EINVAL;
  const map = call.mapAt(address);
  const current = cpuNumber(call);
  const index = (flags & INDEX_MASK) === CURRENT_CPU ? current : Number(flags & INDEX_MASK);
  if (index >= map.maxEntries) return -ERRNO.E2BIG;
  const { perfIsOpen, perfOutput } = host.core;
  if (host.output === undefined && !perfIsOpen?.(map.address, index)) return -ERRNO.ENOENT;
  // An event is read on its own CPU.
  if (index !== current) return -ERRNO.EOPNOTSUPP;
  const more = packetPart(call, Number((flags & LENGTH_MASK) >> 32n));
  if (more === undefined) return -ERRNO.EFAULT;
  const handed = Number(perfOutput?.(map.address, data, size, more.at, more.length) ?? -ERRNO.ENOENT);
  // Who looks on gets what nobody has opened, too.
  if (host.output === undefined || (handed !== 0 && handed !== -ERRNO.ENOENT)) return handed;
  const record = new Uint8Array(size + more.length);
  record.set(bytes.subarray(data, data + size));
  record.set(bytes.subarray(more.at, more.at + more.length), size);
  host.output(map.address, current, record);
  return 0;
}
