/** Timers and workqueues in values of maps. They fire where time passes, between direct runs; what is put into a queue runs right after one. */
import { ERRNO } from "../../error.ts";
import { RECORD } from "../../events/record.ts";
import type { ProgramTimers } from "../host.ts";
import type { Helper } from "./helper.ts";
import { CALLBACK } from "./parameters/callback.ts";
import { MAP } from "./parameters/maps.ts";
import { SCALAR, WORD } from "./parameters/numbers.ts";
import { TIMER, WORKQUEUE } from "./parameters/objects.ts";
import { recordOf, type ServiceCall } from "./service.ts";

function timersOf(call: ServiceCall): ProgramTimers {
  return (
    call.host.timers ?? call.fail("no time passes here, as it does in an ordered replay: a timer would never fire")
  );
}

/** CLOCK_REALTIME, CLOCK_MONOTONIC and CLOCK_BOOTTIME: here all of them are the time of the events. */
const CLOCKS: readonly bigint[] = [0n, 1n, 7n];

function init(call: ServiceCall, timer: number, map: number, flags: bigint): number {
  if (!CLOCKS.includes(flags)) return -ERRNO.EINVAL;
  return timersOf(call).init(timer, map, "softirq") ? 0 : -ERRNO.EBUSY;
}

function setCallback(call: ServiceCall, timer: number, slot: bigint): number {
  return timersOf(call).setCallback(timer, call.program.name, slot) ? 0 : -ERRNO.EINVAL;
}

const ABSOLUTE = 1n;
const PINNED = 2n;

function start(call: ServiceCall, timer: number, nanoseconds: bigint, flags: bigint): number {
  if ((flags & ~(ABSOLUTE | PINNED)) !== 0n) return -ERRNO.EINVAL;
  const now = call.view.getBigUint64(recordOf(call) + RECORD.time, true);
  const at = (flags & ABSOLUTE) !== 0n ? nanoseconds : now + nanoseconds;
  return timersOf(call).start(timer, at) ? 0 : -ERRNO.EINVAL;
}

function cancel(call: ServiceCall, timer: number): number {
  const was = timersOf(call).cancel(timer);
  if (was === "firing") return -ERRNO.EDEADLK;
  return was === undefined ? -ERRNO.EINVAL : was ? 1 : 0;
}

function initQueue(call: ServiceCall, queue: number, map: number, flags: number): number {
  if (flags !== 0) return -ERRNO.EINVAL;
  return timersOf(call).init(queue, map, "task") ? 0 : -ERRNO.EBUSY;
}

function setWork(call: ServiceCall, queue: number, slot: bigint, flags: number): number {
  return flags === 0 ? setCallback(call, queue, slot) : -ERRNO.EINVAL;
}

function startWork(call: ServiceCall, queue: number, flags: number): number {
  if (flags !== 0) return -ERRNO.EINVAL;
  const now = call.view.getBigUint64(recordOf(call) + RECORD.time, true);
  return timersOf(call).start(queue, now) ? 0 : -ERRNO.EINVAL;
}

export const WORKQUEUE_FUNCTIONS: readonly Omit<Helper, "id">[] = [
  {
    name: "bpf_wq_init",
    parameters: [WORKQUEUE, MAP, WORD],
    action: { type: "service", run: initQueue },
    result: "i32",
    doc: "Makes a workqueue in a value of a map; -EBUSY where there is one, -EINVAL for flags.",
  },
  {
    name: "bpf_wq_set_callback_impl",
    parameters: [WORKQUEUE, CALLBACK, WORD, SCALAR],
    calls: { arguments: ["map", "key", "value"], result: [0, 0], later: "task" },
    action: { type: "service", run: setWork },
    result: "i32",
    doc: "Says what a workqueue calls: with the map, the key and the value; -EINVAL where there is none, and for flags.",
  },
  {
    name: "bpf_wq_start",
    parameters: [WORKQUEUE, WORD],
    action: { type: "service", run: startWork },
    result: "i32",
    doc: "Has a workqueue's function called as a task, once the program has ended; -EINVAL where there is none, or no function of it, and for flags.",
  },
];

export const TIMER_HELPERS: readonly Helper[] = [
  {
    id: 169,
    name: "timer_init",
    parameters: [TIMER, MAP, SCALAR],
    action: { type: "service", run: init },
    result: "i32",
    doc: "Makes a timer in a value of a map; -EBUSY where there is one, -EINVAL for a clock that is not taken.",
  },
  {
    id: 170,
    name: "timer_set_callback",
    parameters: [TIMER, CALLBACK],
    calls: { arguments: ["map", "key", "value"], result: [0, 0], later: "softirq" },
    action: { type: "service", run: setCallback },
    result: "i32",
    doc: "Says what a timer calls: with the map, the key and the value; -EINVAL where there is no timer.",
  },
  {
    id: 171,
    name: "timer_start",
    parameters: [TIMER, SCALAR, SCALAR],
    action: { type: "service", run: start },
    result: "i32",
    doc: "Lets a timer fire after so many nanoseconds, or at such a time; -EINVAL where there is none, or none of whose function is known.",
  },
  {
    id: 172,
    name: "timer_cancel",
    parameters: [TIMER],
    action: { type: "service", run: cancel },
    result: "i32",
    doc: "Keeps a timer from firing, and has it forget its function: 1 if it would have fired, 0 if not; -EINVAL where there is none, -EDEADLK in its own function.",
  },
];
