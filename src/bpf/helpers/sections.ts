/** Kernel functions that begin and end sections of a run: of RCU, and without preemption. */
import type { Helper } from "./helper.ts";
import { coreFunction, type ServiceCall } from "./service.ts";

type Row = Omit<Helper, "id">;

/** By this a run holds its RCU sections: the number is above all addresses. */
const RCU_SECTION: number = Number.MAX_SAFE_INTEGER;

function enterRcu(call: ServiceCall): 0 {
  coreFunction(call, "readEnter")();
  call.hold(RCU_SECTION, "an RCU section", () => void coreFunction(call, "readLeave")());
  return 0;
}

function leaveRcu(call: ServiceCall): 0 {
  if (!call.release(RCU_SECTION)) return call.fail("the run is in no RCU section that it has begun");
  coreFunction(call, "readLeave")();
  return 0;
}

/** Nothing else runs on the CPU of a run anyway. */
function nothing(): 0 {
  return 0;
}

const FOR_ALL = { parameters: [], result: "none" } as const;

export const SECTION_FUNCTIONS: readonly Row[] = [
  {
    ...{ name: "bpf_rcu_read_lock", ...FOR_ALL, action: { type: "service", run: enterRcu }, begins: "rcu" },
    doc: "Begins an RCU section: what is found in it stays until its end. Runs of programs that may not sleep are in one anyway.",
  },
  {
    ...{ name: "bpf_rcu_read_unlock", ...FOR_ALL, action: { type: "service", run: leaveRcu }, ends: "rcu" },
    doc: "Ends an RCU section.",
  },
  {
    ...{ name: "bpf_preempt_disable", ...FOR_ALL, action: { type: "service", run: nothing }, begins: "preempt" },
    doc: "Begins what every run is in anyway: nothing else runs on its CPU.",
  },
  {
    ...{ name: "bpf_preempt_enable", ...FOR_ALL, action: { type: "service", run: nothing }, ends: "preempt" },
    doc: "Ends it.",
  },
];
