/** What the verifier has to know of a helper besides its parameters: what its row says of what a run has behind the call. */

/** What a run may have and has to give back. */
export type HeldKind =
  | "record"
  | "dynptr"
  | "object"
  | "lock"
  | "iterator"
  | "rcu"
  | "preempt"
  | "interrupts"
  | "socket"
  | "task"
  | "cgroup";

/** Things of the kernel's that helpers give and take; a program cannot look into them. */
export type KernelThing = Extract<HeldKind, "socket" | "task" | "cgroup">;

/** What the address that a helper returns leads to. It may be 0, except where that is said. */
export type Leads =
  /** So many bytes, or as many as the argument of that number says; they go with the iterator or the dynptr that they are of. */
  | {
      readonly type: "memory";
      readonly what: string;
      readonly bytes: number | { readonly argument: number };
      readonly writable: boolean;
      readonly of: "iterator" | "dynptr";
    }
  /**
   * An object: of the type that the first argument names, the argument's own once more, what the field of the call holds, or a
   * node's. `owned`: the run has it from now on; otherwise it stays where it is, and may be looked at while the lock is held.
   */
  | { readonly type: "object"; readonly of: "type" | "argument" | "field" | "node"; readonly owned: boolean }
  /** A thing of the kernel's. `argument`: it is the first argument's, and goes with that. */
  | {
      readonly type: "kernel";
      readonly what: KernelThing;
      readonly owned: boolean | "argument";
      readonly shape?: KernelShape;
    }
  /** An object for each CPU, of the type that the first argument names, which the run has from now on. */
  | { readonly type: "copies"; readonly of: "type" }
  /** One CPU's copy of the object for each CPU that the first argument is; `always`: there is such a CPU. */
  | { readonly type: "copy"; readonly always: boolean }
  /** The kernel's memory, which is read wherever an address leads: there is no NULL that has to be looked for. */
  | { readonly type: "anywhere" };

/** What programs may read of a thing of the kernel's, where that is less than all. */
export interface KernelShape {
  readonly bytes: number;
  /** Where fields of 8 bytes are; the others have no more than 4. */
  readonly wide?: readonly [from: number, to: number];
  /** Parts that are not shown; `narrow`: not by loads of less than 4 bytes. */
  readonly hidden?: readonly [from: number, to: number];
  readonly narrow?: readonly [from: number, to: number];
}

/** `struct bpf_sock` of a socket of any kind, and of one with all that it has; `struct bpf_tcp_sock`. */
export const SOCKET_SHAPES: Readonly<Record<"common" | "full" | "tcp", KernelShape>> = {
  common: { bytes: 80, hidden: [8, 24], narrow: [50, 52] },
  full: { bytes: 80, narrow: [50, 52] },
  tcp: { bytes: 112, wide: [80, 96] },
};

/**
 * What a function that a helper calls is given, register by register: the turn's number, the call's map, one of its keys and the
 * value there, two nodes of the call's tree, a dynptr to a record, whatever number, or what the caller has in a register.
 */
export type CallbackArgument =
  | "turn"
  | "map"
  | "key"
  | "value"
  | "node"
  | "dynptr"
  | "number"
  | { readonly register: number };

export interface CallbackRules {
  readonly arguments: readonly CallbackArgument[];
  /** The least and the most that it may return; left out: any number. */
  readonly result?: readonly [least: number, most: number];
  /** It is called when the run has ended, with nothing of what the run had: in a softirq, or as a task, which may sleep. */
  readonly later?: "softirq" | "task";
}

/** Why a call stops every run that comes to it, and what would help. */
export interface Stop {
  /** As what the verifier refuses it. */
  readonly category: "unsupported" | "read-only";
  readonly why: string;
  readonly suggestion: string;
}

export interface CallRules {
  readonly leads?: Leads;
  readonly calls?: CallbackRules;
  /** A run begins, or ends, what it has to end: what the call's own arguments say nothing of, or which lock. */
  readonly begins?: "lock" | "rcu" | "preempt";
  readonly ends?: "lock" | "rcu" | "preempt";
  /** Its memory may be the packet's. */
  readonly takesPacket?: true;
  /** It may sleep: for programs that may, where nothing keeps them from it (KF_SLEEPABLE). */
  readonly sleeps?: true;
  /** May be called while a lock is held. */
  readonly underLock?: true;
  /** The run does not go on behind it: it ends with the first argument, or it is stopped, and this is why. */
  readonly final?: "exit" | Stop;
}
