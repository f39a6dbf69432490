/** What a run may have and has to give back, in an author's words. */
import type { HeldKind } from "../helpers/rules.ts";

export interface ReferenceWords {
  /** As in `it ends with a record that is ...`. */
  readonly noun: string;
  readonly left: string;
  /** Where it came from, for the causal path. */
  readonly begun: string;
  /** What went with it, when it is used afterwards. */
  readonly gone: string;
  readonly suggestion: string;
}

export const REFERENCES: Readonly<Record<HeldKind, ReferenceWords>> = {
  record: {
    noun: "a record",
    left: "neither submitted nor discarded",
    begun: "the record is reserved here",
    gone: "given back",
    suggestion: "Call bpf_ringbuf_submit() or bpf_ringbuf_discard() on every path behind the reservation.",
  },
  dynptr: {
    noun: "a dynptr to a record",
    left: "neither submitted nor discarded",
    begun: "the record is reserved here",
    gone: "given back",
    suggestion:
      "Call bpf_ringbuf_submit_dynptr() or bpf_ringbuf_discard_dynptr() on every path behind the reservation, also where it has failed.",
  },
  object: {
    noun: "an object",
    left: "neither dropped nor put anywhere",
    begun: "the object comes from here",
    gone: "given away",
    suggestion: "Drop it with bpf_obj_drop(), or put it into a list, a tree or a map on every path.",
  },
  lock: {
    noun: "a lock",
    left: "not given back",
    begun: "the lock is taken here",
    gone: "let go",
    suggestion: "Call bpf_spin_unlock() on every path.",
  },
  iterator: {
    noun: "an iterator",
    left: "not ended",
    begun: "the iteration begins here",
    gone: "ended",
    suggestion: "End the iteration on every path: bpf_for() and bpf_for_each() do so by themselves.",
  },
  rcu: {
    noun: "an RCU read section",
    left: "not ended",
    begun: "the section begins here",
    gone: "ended",
    suggestion: "Call bpf_rcu_read_unlock() on every path.",
  },
  preempt: {
    noun: "a section without preemption",
    left: "not ended",
    begun: "preemption is switched off here",
    gone: "ended",
    suggestion: "Call bpf_preempt_enable() on every path, as often as bpf_preempt_disable().",
  },
  interrupts: {
    noun: "interrupts switched off",
    left: "not switched on again",
    begun: "interrupts are switched off here",
    gone: "switched on",
    suggestion: "Call bpf_local_irq_restore() on every path, the last saved first.",
  },
  socket: {
    noun: "a socket",
    left: "not released",
    begun: "the socket comes from here",
    gone: "released",
    suggestion: "Call bpf_sk_release() on every path on which there is one.",
  },
  task: {
    noun: "a task",
    left: "not released",
    begun: "the task comes from here",
    gone: "released",
    suggestion: "Call bpf_task_release() on every path on which there is one.",
  },
  cgroup: {
    noun: "a cgroup",
    left: "not released",
    begun: "the cgroup comes from here",
    gone: "released",
    suggestion: "Call bpf_cgroup_release() on every path on which there is one.",
  },
};
