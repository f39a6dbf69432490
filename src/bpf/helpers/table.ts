/** The helpers a program may call: one row each, numbered as in Linux's `include/uapi/linux/bpf.h`; and kernel functions. */
import { AnyctxError } from "../../error.ts";
import { CHECKSUM_HELPERS } from "./checksum.ts";
import { CONTROL_HELPERS } from "./control.ts";
import { COPY_HELPERS } from "./copies.ts";
import { DRAIN } from "./drain.ts";
import { DYNPTR_HELPERS } from "./dynptr.ts";
import { EVENT_HELPERS } from "./events.ts";
import { HEADER_HELPERS } from "./headers.ts";
import type { Helper } from "./helper.ts";
import { KERNEL_HELPERS } from "./kernel.ts";
import { KERNEL_FUNCTIONS } from "./kfuncs.ts";
import { MAP_HELPERS } from "./maps.ts";
import { EXCHANGE } from "./objects.ts";
import { PACKET_HELPERS } from "./packet.ts";
import { PROBE_HELPERS } from "./probe.ts";
import { RESIZE_HELPERS } from "./resize.ts";
import { SOCKET_HELPERS } from "./socket.ts";
import { STORAGE_HELPERS } from "./storage.ts";
import { TAIL_HELPERS } from "./tail.ts";
import { TASK_HELPERS } from "./task.ts";
import { TEXT_HELPERS } from "./text.ts";
import { TIME_HELPERS } from "./time.ts";
import { TIMER_HELPERS } from "./timers.ts";
import { VLAN_HELPERS } from "./vlan.ts";

export const HELPERS: readonly Helper[] = [
  ...MAP_HELPERS,
  ...PROBE_HELPERS,
  ...TIME_HELPERS,
  ...TASK_HELPERS,
  ...TEXT_HELPERS,
  ...EVENT_HELPERS,
  ...CONTROL_HELPERS,
  ...TAIL_HELPERS,
  ...TIMER_HELPERS,
  ...DYNPTR_HELPERS,
  DRAIN,
  ...STORAGE_HELPERS,
  ...PACKET_HELPERS,
  ...RESIZE_HELPERS,
  ...HEADER_HELPERS,
  ...VLAN_HELPERS,
  ...CHECKSUM_HELPERS,
  ...SOCKET_HELPERS,
  ...KERNEL_HELPERS,
  ...COPY_HELPERS,
  EXCHANGE,
  ...KERNEL_FUNCTIONS,
];

const BY_ID = new Map(HELPERS.map((row) => [row.id, row]));
const BY_NAME = new Map(HELPERS.map((row) => [row.name, row]));

export function helperById(id: number): Helper | undefined {
  return BY_ID.get(id);
}

export function helperByName(name: string): Helper | undefined {
  return BY_NAME.get(name);
}

/**
 * What answers in place of a helper goes by a name that there is.
 * @param where who says it, as `step 1: helpers`
 * @throws {AnyctxError} EINVAL
 */
export function checkHelperName(name: string, where: string): void {
  if (helperByName(name) === undefined)
    throw new AnyctxError(
      "EINVAL",
      `${where} has ${name}, which is no helper's name (as get_current_task, without bpf_)`,
    );
}
