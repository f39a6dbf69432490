/**
 * A thread's place in an arena: the CPU slots that it holds, which of them it acts as, and the fields of shared memory that
 * it may read. Everything else that the control plane does stands on it.
 */
/// <reference lib="esnext.disposable" preserve="true" />
import { checkFunction, refuse, show } from "../arguments.ts";
import { AnyctxError, ERRNO, LOCK_NOT_LET_GO } from "../error.ts";
import type { Tenant } from "../maps/host.ts";
import { NOT_SENT } from "../maps/inspect.ts";
import { CONSTANTS, type Core, LAYOUT } from "../wasm/face.ts";
import type { CoreInstance } from "../wasm/instance.ts";
import { wordAt } from "../wasm/reader.ts";
import type { SharedMemory } from "../wasm/types.ts";
import { checkMayLock } from "./contexts.ts";

const { BORROWED, LEAVING } = CONSTANTS;

/** Names a thread for `reap`: 1 to 2^31 - 2. */
export function newToken(): number {
  return Math.floor(Math.random() * (LEAVING - 1)) + 1;
}

export function isToken(token: unknown): token is number {
  return typeof token === "number" && Number.isInteger(token) && token > 0 && token < LEAVING;
}

export class Attachment {
  /** @internal */
  readonly sent: symbol = NOT_SENT;
  readonly memory: SharedMemory;
  readonly #instance: CoreInstance;
  readonly #token: number;
  readonly #heldCpus = new Set<number>();
  /** CPUs of dead threads that could not be freed yet, with what their slots say of who held them: who they are now is checked. */
  readonly #unreaped = new Map<number, number>();
  /** -1 before it takes one, and once it is detached. */
  #cpu = -1;
  #isDetached = false;
  /** Maps that are open here: they end with it. */
  readonly #tenants = new Set<Tenant>();
  /** The read section that this thread is in, 0 for none, and how many there were. */
  #readSection = 0;
  #readSections = 0;

  constructor(memory: SharedMemory, instance: CoreInstance, token: number) {
    this.memory = memory;
    this.#instance = instance;
    this.#token = token;
  }

  /** @throws {AnyctxError} EBADF once it is detached, as everything that needs it */
  get core(): Core {
    return this.instance.core;
  }

  get instance(): CoreInstance {
    this.checkAttached();
    return this.#instance;
  }

  /**
   * @throws {AnyctxError} EBADF once it is detached
   * @internal
   */
  checkAttached(): void {
    if (this.#isDetached)
      throw new AnyctxError("EBADF", "The arena cannot be used any more: this thread has detached from it");
  }

  /** Whether this thread has given its CPUs back. */
  get isDetached(): boolean {
    return this.#isDetached;
  }

  get cpus(): number {
    return this.core.cpuCount();
  }

  /** Whether deferred work belongs to threads, as on PREEMPT_RT. */
  get realTime(): boolean {
    return this.word(CONSTANTS.SUPERBLOCK + LAYOUT.Superblock.realTime) !== 0;
  }

  /** The CPU this thread acts as; -1 once it is detached. */
  get cpu(): number {
    return this.#cpu;
  }

  /** The CPUs that this thread holds. */
  heldCpus(): number[] {
    return [...this.#heldCpus];
  }

  /** A u32 field of a structure in shared memory. @throws {AnyctxError} EINVAL: none can lie there */
  word(address: number): number {
    this.checkAttached();
    if (!Number.isInteger(address) || address < 0 || address % 4 !== 0 || address >= this.memory.buffer.byteLength)
      refuse("word", "a multiple of 4 inside of the arena", "address", address);
    return wordAt(this.memory, address);
  }

  /** Zeroed memory of this arena for the control plane; give it back with `core.freeBytes`. */
  allocate(bytes: number): number {
    if (!Number.isInteger(bytes) || bytes < 0 || bytes >= 2 ** 32)
      refuse("allocate", "a whole number of 32 bits", "bytes", bytes);
    const address = this.core.allocateBytes(bytes) >>> 0;
    if (address === ERRNO.ETIMEDOUT)
      throw new AnyctxError("ETIMEDOUT", `Cannot have ${bytes} bytes of the arena: ${LOCK_NOT_LET_GO}`);
    if (address < CONSTANTS.SUPERBLOCK) throw new AnyctxError("ENOMEM", `The arena has no ${bytes} bytes left`);
    return address;
  }

  /**
   * Takes a further CPU slot for this thread and acts as it: a replay holds all of them.
   * @throws {AnyctxError} EBUSY when the slot, or every slot, is held; EINVAL: it is no number of a CPU
   */
  takeCpu(cpu?: number): number {
    if (cpu !== undefined && (!Number.isInteger(cpu) || cpu < 0)) refuse("takeCpu", "the number of a CPU", "cpu", cpu);
    const taken = this.core.takeCpu(cpu ?? -1, this.#token);
    if (taken < 0)
      throw new AnyctxError(
        "EBUSY",
        cpu === undefined ? `All ${this.cpus} CPU slots of the arena are held` : `CPU slot ${cpu} is held or not there`,
      );
    this.#heldCpus.add(taken);
    this.switchCpu(taken);
    return taken;
  }

  /** Acts as another CPU that this thread holds. */
  switchCpu(cpu: number): void {
    const { core } = this;
    if (cpu === this.#cpu) return;
    if (!this.#heldCpus.has(cpu)) throw new AnyctxError("EINVAL", `This thread does not hold CPU ${show(cpu)}`);
    core.switchCpu(cpu);
    this.#cpu = cpu;
  }

  /** Acts as each CPU that this thread holds in turn, until `act` gives false. */
  onHeldCpus(act: (cpu: number) => boolean): void {
    checkFunction("onHeldCpus", "act", act);
    const before = this.#cpu;
    try {
      for (const cpu of this.#heldCpus) {
        this.switchCpu(cpu);
        if (!act(cpu)) break;
      }
    } finally {
      this.switchCpu(before);
    }
  }

  /** The CPU this thread acts as is back in a task with interrupts on: raised work runs, on RT by the CPU's thread. */
  settle(): void {
    this.core.contextSet(0, 0);
    if (this.realTime) this.core.workThreadRuns();
    else this.core.interruptsCameOn();
  }

  /**
   * Gives this thread's CPUs back; deferred work that waits on them runs first. Afterwards the arena is dead, with every map and
   * allocator that was opened by it: all they do throws EBADF or returns -EBADF. Detaching twice does nothing. What has to
   * stay because a dead thread has a lock goes with the next `poll` or `reap` of another thread that can have it. Waits about
   * half a second at most for each dead thread that has a lock, and not for those known already, as all that follows here.
   */
  detach(): void {
    if (this.#isDetached) return;
    for (const tenant of this.#tenants) tenant.end();
    this.#tenants.clear();
    this.#readSection = 0;
    try {
      for (const cpu of this.#heldCpus) {
        this.switchCpu(cpu);
        this.settle();
        this.core.releaseCpu(cpu);
      }
    } finally {
      this.#heldCpus.clear();
      this.#cpu = -1;
      this.#isDetached = true;
    }
  }

  [Symbol.dispose](): void {
    this.detach();
  }

  /** @internal */
  enter(tenant: Tenant): void {
    this.#tenants.add(tenant);
  }

  /** @internal */
  leave(tenant: Tenant): void {
    this.#tenants.delete(tenant);
  }

  /** What is open here. */
  protected tenants(): Tenant[] {
    return [...this.#tenants];
  }

  /** The read section that this thread is in: a number of its own, 0 outside. */
  get readSection(): number {
    return this.#readSection;
  }

  /** Runs `act` in a read section of this thread's current CPU: what is found in shared memory stays what it is meanwhile. Nests. */
  read<T>(act: () => T): T {
    this.checkAttached();
    checkFunction("read", "act", act);
    const outer = this.#readSection;
    const cpu = this.#cpu;
    this.core.readEnter();
    if (outer === 0) this.#readSection = ++this.#readSections;
    const mine = this.#readSection;
    try {
      return act();
    } finally {
      // Unless `act` has detached: then it has left all sections.
      if (this.#readSection === mine) {
        this.#readSection = outer;
        const now = this.#cpu;
        this.switchCpu(cpu);
        this.core.readLeave();
        this.switchCpu(now);
      }
    }
  }

  /**
   * Lets due work happen on this thread's CPUs: deferred work, callbacks, destroyed maps, reaps and detaches that had to wait.
   * Never waits for a reader; for a lock as `detach`.
   */
  poll(): void {
    const { realTime } = this;
    this.onHeldCpus(() => {
      if (realTime) this.core.workThreadRuns();
      this.core.timerTick();
      return true;
    });
    if (this.#unreaped.size !== 0) this.#reapAll();
    this.core.finishLeaving(this.#token);
    this.core.reapMaps();
  }

  /**
   * Gives back what is cached and not in use: the caches of this thread's CPUs and of CPUs that nobody holds, what waited
   * for a grace period that is over, empty slabs. Other threads' caches are theirs, and what was prefilled stays. Never
   * waits for a reader: what one still holds up goes with a later trim. For a lock as `detach`, however many CPUs there are.
   * @returns bytes that the arena's pages in use went down by
   */
  trim(): number {
    checkMayLock(this, "trim an arena");
    const before = this.core.pagesInUse();
    this.poll();
    this.core.trimCpus(this.#token);
    return (before - this.core.pagesInUse()) * CONSTANTS.PAGE_BYTES;
  }

  /**
   * Frees the slots of a thread that is dead: its locks are released, its half-done operation is finished or undone, what
   * it had cached or in hand is there for others. Call it when the thread has ended for sure, at any moment after: in Node
   * when the worker's `exit` event has come; in browsers and Deno `terminate()` comes back before that, and a lock of
   * `navigator.locks` that the thread held tells (docs/recovery.md). Until then an operation that meets what it
   * has locked returns -ETIMEDOUT: the first after about half a second, the others at once (docs/recovery.md).
   *
   * A slot may have to wait for another thread to finish an operation; `poll` then goes on with it, if the slot is still the
   * dead thread's. Several threads may reap the same one.
   * @param thread the handle that was sent to the thread, or the number of one CPU that it held
   * @returns the CPUs that this call has freed
   * @throws {AnyctxError} EINVAL: it is no handle, nobody holds that CPU, or it is this thread's own; EBUSY: the thread is seen at
   * work, and nothing has happened. A thread that lives and does nothing just now cannot be told from a dead one
   */
  reap(thread: { readonly token: number } | number): number[] {
    checkMayLock(this, "reap a thread");
    const { core } = this;
    const found = new Map<number, number>();
    if (typeof thread === "number") {
      const owner = this.#owner(thread);
      if (!Number.isInteger(thread) || !isToken(owner & ~BORROWED) || this.#heldCpus.has(thread))
        throw new AnyctxError("EINVAL", `CPU ${show(thread)} is not one that another thread holds`);
      found.set(thread, owner);
    } else {
      if (!isToken(thread?.token) || thread.token === this.#token)
        throw new AnyctxError("EINVAL", "What is reaped is the handle of another thread");
      for (let cpu = 0; cpu < this.cpus; cpu++) {
        const owner = this.#owner(cpu);
        if ((owner & ~BORROWED) === thread.token) found.set(cpu, owner);
      }
    }
    for (const [cpu, owner] of found)
      if (core.isSeenAlive(cpu, owner) !== 0)
        throw new AnyctxError("EBUSY", `Cannot reap the thread that holds CPU ${cpu}: it is at work`);
    for (const [cpu, owner] of found) this.#unreaped.set(cpu, owner);
    const free = this.#reapAll();
    core.finishLeaving(this.#token);
    return free;
  }

  /** What a CPU's slot says of who holds it: a token, perhaps BORROWED; 0 if nobody does or there is no such CPU. */
  #owner(cpu: number): number {
    return cpu >= 0 && cpu < this.cpus ? this.word(this.core.cpuAreaAddress(cpu) + LAYOUT.CpuArea.owner) : 0;
  }

  #reapAll(): number[] {
    // A CPU that was only borrowed for a trim first: the dead thread took its locks as that one.
    const order = [...this.#unreaped].sort(([, a], [, b]) => Number(b >= BORROWED) - Number(a >= BORROWED));
    const free: number[] = [];
    for (const [cpu, owner] of order) {
      const result = this.core.reapCpu(cpu, owner);
      if (result === -ERRNO.EAGAIN) continue;
      // Otherwise somebody else has reaped it, and the slot may be a living thread's by now.
      if (result === 0) free.push(cpu);
      this.#unreaped.delete(cpu);
    }
    return free;
  }
}
