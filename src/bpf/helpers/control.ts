/** Helpers that decide what runs next, or who may: loops, locks. */
import { ERRNO } from "../../error.ts";
import type { Helper } from "./helper.ts";
import { CALLBACK, CALLBACK_CONTEXT } from "./parameters/callback.ts";
import { SCALAR, WORD } from "./parameters/numbers.ts";
import { LOCK } from "./parameters/objects.ts";
import { coreFunction, type ServiceCall } from "./service.ts";

/** BPF_MAX_LOOPS of Linux. */
const MOST_LOOPS = 1 << 23;

/** What Linux makes of -E2BIG where it puts the loop in place of the call, as it does wherever there are no flags: a number above 0. */
const TOO_MANY = -ERRNO.E2BIG >>> 0;

/** `bpf_loop`: the function gets the turn's number and the given context; 1 ends it. */
function loop(call: ServiceCall, turns: number, slot: bigint, context: bigint, flags: bigint): number {
  if (flags !== 0n) return -ERRNO.EINVAL;
  if (turns > MOST_LOOPS) return TOO_MANY;
  for (let turn = 0; turn < turns; turn++) if (call.callback(slot, BigInt(turn), context) !== 0n) return turn + 1;
  return turns;
}

/** `bpf_spin_lock`. A run that ends or is stopped with it lets it go. */
function lock(call: ServiceCall, address: number): 0 {
  const locked = Number(coreFunction(call, "spinLock")(address));
  if (locked === -ERRNO.EDEADLK) call.fail("it holds a lock already");
  if (locked !== 0) call.fail("the lock is held by somebody who does not let it go");
  call.hold(address, "a lock that it holds", () => coreFunction(call, "spinUnlock")(address));
  return 0;
}

function unlock(call: ServiceCall, address: number): 0 {
  if (!call.release(address)) call.fail("it does not hold this lock");
  coreFunction(call, "spinUnlock")(address);
  return 0;
}

export const CONTROL_HELPERS: readonly Helper[] = [
  {
    id: 93,
    name: "spin_lock",
    parameters: [LOCK],
    action: { type: "service", run: lock },
    begins: "lock",
    result: "none",
    doc: "Waits for a lock in a map's value and takes it; a run has to give it back.",
  },
  {
    id: 94,
    name: "spin_unlock",
    parameters: [LOCK],
    action: { type: "service", run: unlock },
    ends: "lock",
    underLock: true,
    result: "none",
    doc: "Gives a lock back.",
  },
  {
    id: 181,
    name: "loop",
    parameters: [WORD, CALLBACK, CALLBACK_CONTEXT, SCALAR],
    action: { type: "service", run: loop },
    calls: { arguments: ["turn", { register: 3 }], result: [0, 1] },
    result: "i64",
    doc: "Calls a function so many times, until it answers other than 0; how often it was called, -EINVAL, or the lower 32 bits of -E2BIG.",
  },
];
