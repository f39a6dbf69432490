/** Records that threads hand to programs: `bpf_user_ringbuf_drain`. */
import { ERRNO } from "../../error.ts";
import { DYNPTR_BYTES, writeDynptr } from "./dynptr.ts";
import type { Helper } from "./helper.ts";
import { CALLBACK, CALLBACK_CONTEXT } from "./parameters/callback.ts";
import { MAP } from "./parameters/maps.ts";
import { SCALAR } from "./parameters/numbers.ts";
import { mapFunction, type ServiceCall, withRoom } from "./service.ts";

/** BPF_MAX_USER_RINGBUF_SAMPLES of Linux. */
const MOST_RECORDS = 128 * 1024;
/** BPF_RB_NO_WAKEUP, BPF_RB_FORCE_WAKEUP: nobody is woken here. */
const WAKEUP_FLAGS = 3n;
/** A record's header begins so many bytes before it, with its size. */
const HEADER_BYTES = 8;

/** The callback gets a dynptr to each record and the given context; other than 0 ends it. */
function drain(call: ServiceCall, address: number, slot: bigint, context: bigint, flags: bigint): number {
  if ((flags & ~WAKEUP_FLAGS) !== 0n) return -ERRNO.EINVAL;
  const next = mapFunction(call, call.mapAt(address), "drain");
  const { userRingbufBegin: begin, userRingbufPass: pass, userRingbufEnd: end } = call.host.core;
  if (!begin || !pass || !end) return call.fail("the core has no records for programs");
  return withRoom(call, DYNPTR_BYTES, (dynptr) => {
    if (Number(begin(address)) !== 0) return -ERRNO.EBUSY;
    call.grant(dynptr, DYNPTR_BYTES, true);
    try {
      let count = 0;
      for (let goesOn = true; goesOn && count < MOST_RECORDS; count++) {
        const record = Number(next(address)) >>> 0;
        if (record === 0) break;
        const size = call.view.getUint32(record - HEADER_BYTES, true);
        writeDynptr(call, dynptr, { address: record, size, readOnly: false });
        goesOn = call.callback(slot, BigInt(dynptr), context) === 0n;
        call.revoke(record);
        pass(address);
      }
      return count;
    } finally {
      end(address);
    }
  });
}

export const DRAIN: Helper = {
  id: 209,
  name: "user_ringbuf_drain",
  maps: ["user_ringbuf"],
  parameters: [MAP, CALLBACK, CALLBACK_CONTEXT, SCALAR],
  calls: { arguments: ["dynptr", { register: 3 }], result: [0, 1] },
  action: { type: "service", run: drain },
  result: "i64",
  doc: "Calls a function with a dynptr to each record that threads have put in, until it answers other than 0; how many, -EBUSY (another program does) or -EINVAL.",
};
