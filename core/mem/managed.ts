/**
 * Plain memory for the control plane: program stacks, buffers, tables. It belongs to the CPU of the thread that asked for
 * it, and goes with it when the CPU is given back or reaped, so a thread that dies leaves none behind. What belongs to
 * something else, as a map's description, is disowned. Task context: the control plane's lock is taken.
 *
 * The header is the class (bits 0-15) with the CPU (bits 16-31), and the link to the CPU's next object.
 */

import { powerOfTwoAtLeast } from "../base/bytes";
import { ENOMEM } from "../base/errno";
import { SUPERBLOCK } from "../base/superblock";
import { CpuArea, cpuArea, thisCpu } from "../cpu/area";
import { beginTransfer, endTransfer, Transfer, transferFirst, transferOf } from "../cpu/intent";
import { controlLock, lock, unlock } from "../cpu/lock";
import { memoryErrno, renewBudget } from "../cpu/wait";
import { classFor, HEADER_BYTES, LARGEST_CLASS, returnFromTransfer, takeIntoTransfer } from "./slab";

const LINK: usize = 4;

/** Objects are whole cache lines: what one thread writes all the time lies beside nothing of another's. */
const LINE_BYTES: u32 = 64;

/**
 * Zeroed memory.
 * @returns an 8-byte aligned address, or a positive errno below 65536: ENOMEM, ETIMEDOUT (cpu/wait.ts)
 */
export function allocateBytes(bytes: u32): usize {
  const needed = bytes + <u32>HEADER_BYTES;
  if (needed < bytes) return ENOMEM;
  const size = needed <= LARGEST_CLASS ? powerOfTwoAtLeast(max(needed, LINE_BYTES)) : needed;
  const area = thisCpu();
  renewBudget(area);
  const index = classFor(size, 0);
  beginTransfer(area, 0, 0, 0, 0);
  const object = takeIntoTransfer(size, index, 0, 1, 0) != 0 ? transferFirst(transferOf(area)) : 0;
  if (object != 0) {
    memory.fill(object + HEADER_BYTES, 0, bytes);
    if (own(area, object, index)) {
      endTransfer(area);
      return object + HEADER_BYTES;
    }
    returnFromTransfer(index);
  }
  endTransfer(area);
  return memoryErrno(area);
}

function own(area: CpuArea, object: usize, index: u32): bool {
  if (!lock(controlLock())) return false;
  link(area, object, index);
  unlock(controlLock());
  return true;
}

function link(area: CpuArea, object: usize, index: u32): void {
  const transfer = transferOf(area);
  store<u32>(object, index | (area.id << 16));
  store<u32>(object, transfer.managed, LINK);
  transfer.managed = <u32>object;
}

/** Takes an object off its CPU's list. Caller has the control plane's lock. */
function unlinkManaged(object: usize): void {
  const transfer = transferOf(cpuArea(load<u32>(object) >> 16));
  let place = changetype<usize>(transfer) + offsetof<Transfer>("managed");
  while (load<u32>(place) != 0) {
    const each: usize = load<u32>(place);
    if (each == object) {
      store<u32>(place, load<u32>(object, LINK));
      return;
    }
    place = each + LINK;
  }
}

/** Whether an object is control-plane memory of this CPU's. */
export function isManaged(area: CpuArea, object: usize): bool {
  let each: usize = transferOf(area).managed;
  while (each != 0 && each != object) each = load<u32>(each, LINK);
  return each != 0;
}

/** The memory at `address` is something else's now. Caller has the control plane's lock. 0 is ignored. */
export function disownBytes(address: usize): void {
  if (address != 0) unlinkManaged(address - HEADER_BYTES);
}

/** The memory at `address` is this CPU's from now on. Caller has the control plane's lock. 0 is ignored. */
export function adoptBytes(area: CpuArea, address: usize): void {
  if (address == 0) return;
  const object = address - HEADER_BYTES;
  unlinkManaged(object);
  link(area, object, load<u32>(object) & 0xffff);
}

/** Gives memory back that `allocateBytes` handed out; 0 and an errno of its are ignored. */
export function freeBytes(address: usize): void {
  if (address < SUPERBLOCK) return;
  const area = thisCpu();
  const object = address - HEADER_BYTES;
  // Without the lock it stays its CPU's, and goes with it.
  if (!lock(controlLock())) return;
  const index = load<u32>(object) & 0xffff;
  beginTransfer(area, 0, 0, object, 1);
  unlinkManaged(object);
  unlock(controlLock());
  returnFromTransfer(index);
  endTransfer(area);
}

/** Gives everything back that belongs to a CPU whose thread leaves or is dead. */
export function freeManaged(area: CpuArea): void {
  const transfer = transferOf(area);
  while (transfer.managed != 0) {
    const before = transfer.managed;
    freeBytes(before + HEADER_BYTES);
    if (transfer.managed == before) return;
  }
}
