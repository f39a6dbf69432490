/** Tasks and objects for each CPU that maps keep. */
import { DROP, NEW } from "./objects.ts";
import { type BadProgram, CHECKED, lookup, OUT, TC } from "./pieces.ts";

/** A place for a task, in r6, and a task that the run has, in r7. */
const THING = `${lookup("things")}\n${CHECKED}\nr6 = r0`;
const TASK = "r1 = 1\ncall bpf_task_from_pid\nif r0 == 0 goto out\nr7 = r0";
const EXCHANGE = "r1 = r6\nr2 = r7\ncall kptr_xchg";
const RELEASED = "if r0 == 0 goto out\nr1 = r0\ncall bpf_task_release";

/** Tasks that are kept in maps. */
const KEPT_THINGS: readonly BadProgram[] = [
  {
    name: "a task that was kept before is forgotten",
    section: TC,
    bad: `${THING}\n${TASK}\n${EXCHANGE}\n${OUT}`,
    good: `${THING}\n${TASK}\n${EXCHANGE}\n${RELEASED}\n${OUT}`,
    category: "reference",
    says: /a task/,
  },
  {
    name: "a task is released after it was kept",
    section: TC,
    bad: `${THING}\n${TASK}\n${EXCHANGE}\n${RELEASED}\nr1 = r7\ncall bpf_task_release\n${OUT}`,
    category: "argument",
    says: /is given a task, which was given back before/,
  },
  {
    name: "a task that is kept is released",
    section: TC,
    bad: `${THING}\nr1 = *(u64 *)(r6 + 0)\nif r1 == 0 goto out\ncall bpf_task_release\n${OUT}`,
    good: `${THING}\nr1 = *(u64 *)(r6 + 0)\nif r1 == 0 goto out\ncall bpf_task_acquire\n${RELEASED}\n${OUT}`,
    category: "argument",
    says: /takes a task that it has to release as argument 1/,
  },
  {
    name: "a task that may not be there is acquired",
    section: TC,
    bad: `${THING}\nr1 = *(u64 *)(r6 + 0)\ncall bpf_task_acquire\n${RELEASED}\n${OUT}`,
    category: "argument",
    says: /takes a task as argument 1 and is given a pointer to a task, or NULL/,
  },
  {
    name: "an object is kept as a task",
    section: TC,
    bad: `${THING}\n${NEW}\n${EXCHANGE}\n${RELEASED}\n${OUT}`,
    category: "argument",
    says: /takes a task that it has to release as argument 2/,
  },
  {
    name: "a task is written to where one is kept",
    section: TC,
    bad: `${THING}\n${TASK}\n*(u64 *)(r6 + 0) = r7\n${OUT}`,
    category: "object",
    says: /task, a pointer that is kept for others/,
  },
  {
    name: "a member of a task in place of the task",
    section: "fentry/f",
    bad: `${THING}\nr1 = *(u64 *)(r6 + 0)\nif r1 == 0 goto out\nr1 += 8\ncall bpf_task_acquire\n${RELEASED}\n${OUT}`,
    good: `${THING}\nr1 = *(u64 *)(r6 + 0)\nif r1 == 0 goto out\nr2 = r1\nr2 += 8\nr2 = *(u64 *)(r2 + 0)\ncall bpf_task_acquire\n${RELEASED}\n${OUT}`,
    category: "argument",
    says: /takes a task, from its beginning,? as argument 1/,
  },
];

/** Counters of each CPU, in r7. */
const COPIES = "r1 = 19\nr2 = 0\ncall bpf_percpu_obj_new_impl\nif r0 == 0 goto out\nr7 = r0";
const DROP_COPIES = "r1 = r7\nr2 = 0\ncall bpf_percpu_obj_drop_impl";
const COPY = "r1 = r7\nr2 = 0\ncall per_cpu_ptr";
const KEEP = "r1 = r6\nr1 += 16\nr2 = r7\ncall kptr_xchg";
const DROPPED = "if r0 == 0 goto out\nr1 = r0\nr2 = 0\ncall bpf_percpu_obj_drop_impl";

/** Objects for each CPU. */
const PER_CPU: readonly BadProgram[] = [
  {
    name: "an object for each CPU is forgotten",
    section: TC,
    bad: `${COPIES}\n${OUT}`,
    good: `${COPIES}\n${DROP_COPIES}\n${OUT}`,
    category: "reference",
    says: /it ends with an object/,
  },
  {
    name: "an object for each CPU is written to as one",
    section: TC,
    bad: `${COPIES}\n*(u64 *)(r7 + 0) = 1\n${DROP_COPIES}\n${OUT}`,
    good: `${COPIES}\nr1 = r7\ncall this_cpu_ptr\n*(u64 *)(r0 + 8) = 1\n${DROP_COPIES}\n${OUT}`,
    category: "type",
    says: /an object of type counters for each CPU.*no memory/,
  },
  {
    name: "a CPU's copy without asking whether there is such a CPU",
    section: TC,
    bad: `${COPIES}\n${COPY}\n*(u64 *)(r0 + 0) = 1\n${DROP_COPIES}\n${OUT}`,
    good: `${COPIES}\n${COPY}\nif r0 == 0 goto drop\n*(u64 *)(r0 + 0) = 1\ndrop:\n${DROP_COPIES}\n${OUT}`,
    category: "null",
    says: /NULL where there is no such CPU/,
  },
  {
    name: "behind a CPU's copy",
    section: TC,
    bad: `${COPIES}\nr1 = r7\ncall this_cpu_ptr\n*(u64 *)(r0 + 16) = 1\n${DROP_COPIES}\n${OUT}`,
    category: "bounds",
    says: /a CPU's copy of 16 bytes/,
  },
  {
    name: "a CPU's copy is used after all were dropped",
    section: TC,
    bad: `${COPIES}\nr1 = r7\ncall this_cpu_ptr\nr8 = r0\n${DROP_COPIES}\nr0 = *(u64 *)(r8 + 0)\n${OUT}`,
    category: "released",
    says: /that was given back before/,
  },
  {
    name: "an object for each CPU is dropped as one",
    section: TC,
    bad: `${COPIES}\n${DROP}\n${OUT}`,
    category: "argument",
    says: /takes an object of its own as argument 1/,
  },
  {
    name: "an object is dropped as one for each CPU",
    section: TC,
    bad: `${NEW}\n${DROP_COPIES}\n${OUT}`,
    category: "argument",
    says: /takes an object for each CPU of its own as argument 1/,
  },
  {
    name: "a copy for each CPU of a struct with a list's node",
    section: TC,
    bad: `${COPIES.replace("19", "9")}\n${DROP_COPIES}\n${OUT}`,
    category: "object",
    says: /makes a copy for each CPU of item, which has a special field/,
  },
  {
    name: "an object for each CPU that was kept before is forgotten",
    section: TC,
    bad: `${THING}\n${COPIES}\n${KEEP}\n${OUT}`,
    good: `${THING}\n${COPIES}\n${KEEP}\n${DROPPED}\n${OUT}`,
    category: "reference",
    says: /an object/,
  },
  {
    name: "a kept object for each CPU is dropped",
    section: TC,
    bad: `${THING}\nr7 = *(u64 *)(r6 + 16)\nif r7 == 0 goto out\n${DROP_COPIES}\n${OUT}`,
    good: `${THING}\nr7 = *(u64 *)(r6 + 16)\nif r7 == 0 goto out\n${COPY}\n${CHECKED}\n*(u64 *)(r0 + 0) = 1\n${OUT}`,
    category: "argument",
    says: /takes an object for each CPU of its own as argument 1/,
  },
];

export const KEPT: readonly BadProgram[] = [...KEPT_THINGS, ...PER_CPU];
