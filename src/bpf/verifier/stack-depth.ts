/**
 * How much of the stack functions that call each other use together. Linux gives a chain of calls 512 bytes, and programs that trace
 * functions of 64 bytes and more a private stack each; here each function has as much. What is too much there is said here.
 */
import { edgeOf } from "../analysis/edges.ts";
import { helperById } from "../helpers/table.ts";
import { FRAME_BYTES } from "../host.ts";
import { Refusal } from "./refusal.ts";
import type { Subject } from "./subject.ts";

/** Types whose programs have a private stack in Linux since 6.13, where none of their functions has a tail call. */
const PRIVATE: ReadonlySet<string> = new Set([
  ...["kprobe", "tracepoint", "perf_event", "raw_tracepoint", "tracing", "struct_ops"],
]);
/** BPF_PRIV_STACK_MIN_SIZE of Linux. */
const LEAST_PRIVATE = 64;
/** As the compilers of Linux round it. */
const STEP = 16;
/** What the callers of a function with a tail call may use: the program that it goes on in leaves their frames where they are. */
const MOST_BEFORE_TAIL = 256;

/** A function with those that it calls, or has called while the run lasts. */
interface Node {
  readonly start: number;
  readonly bytes: number;
  readonly called: Set<Node>;
  readonly callers: Set<Node>;
  hasTail: boolean;
  isPrivate: boolean;
}

/** Functions by their order; those that are called when the run has ended are called by nobody. */
function nodesOf({ program, steps, stackDepths, lateFunctions }: Subject): Node[] {
  const nodes = program.subprograms.map(({ start }): Node => {
    const bytes = Math.ceil((stackDepths.get(start) ?? 0) / STEP) * STEP;
    return { start, bytes, called: new Set(), callers: new Set(), hasTail: false, isPrivate: false };
  });
  const ownerOf = (at: number): Node | undefined => nodes.findLast(({ start }) => start <= at);
  for (const step of steps) {
    if (step === undefined) continue;
    const { operation, slot, at } = step;
    const owner = ownerOf(at);
    const isHelper = operation.effect.type === "call" && operation.effect.target === "helper";
    if (owner !== undefined && isHelper && helperById(slot.imm)?.action.type === "tail") owner.hasTail = true;
    const edge = edgeOf(operation.effect, slot, at);
    if (edge === undefined || edge.type === "jump" || (edge.type === "callback" && lateFunctions.has(edge.target)))
      continue;
    const callee = ownerOf(edge.target);
    if (owner === undefined || callee === undefined) continue;
    owner.called.add(callee);
    callee.callers.add(owner);
  }
  return nodes;
}

/** Calls of a path are at most 8 deep, and none comes back to where it began. */
function most(node: Node, next: "called" | "callers", known: Map<Node, number>): number {
  const found = known.get(node);
  if (found !== undefined) return found;
  const beyond = [...node[next]].reduce((largest, each) => Math.max(largest, most(each, next, known)), 0);
  const bytes = (node.isPrivate ? 0 : node.bytes) + beyond;
  known.set(node, bytes);
  return bytes;
}

function givePrivateStacks({ type }: Subject, nodes: readonly Node[], late: readonly Node[]): void {
  if (type === undefined || !PRIVATE.has(type.name) || nodes.some(({ hasTail }) => hasTail)) return;
  const ofLate = new Set<Node>();
  const mark = (node: Node): void => {
    ofLate.add(node);
    node.called.forEach(mark);
  };
  late.forEach(mark);
  for (const node of nodes) node.isPrivate = node.bytes >= LEAST_PRIVATE && !ofLate.has(node);
}

/** @throws {Refusal} a chain of calls uses more than Linux has for it */
export function checkStackDepth(subject: Subject): void {
  const { program, type, lateFunctions } = subject;
  if (type === undefined || program.subprograms.length === 1) return;
  const nodes = nodesOf(subject);
  const late = nodes.filter(({ start }) => lateFunctions.has(start) || start === program.exception);
  givePrivateStacks(subject, nodes, late);
  const [below, before] = [new Map<Node, number>(), new Map<Node, number>()];
  const deepest = Math.max(...[...nodes.slice(0, 1), ...late].map((root) => most(root, "called", below)));
  const suggestion = "Put large variables into a per-CPU array.";
  if (deepest > FRAME_BYTES) {
    const message = `its functions use ${deepest} bytes of the stack together, of which a chain of calls has ${FRAME_BYTES} in Linux`;
    throw new Refusal("limit", 0, message, suggestion);
  }
  for (const node of nodes.slice(1)) {
    const bytes = most(node, "callers", before) - (node.isPrivate ? 0 : node.bytes);
    if (!node.hasTail || bytes < MOST_BEFORE_TAIL) continue;
    const message = `a function with a tail call is called with ${bytes} bytes of the stack in use, of which Linux allows less than ${MOST_BEFORE_TAIL} there`;
    throw new Refusal("limit", node.start, message, suggestion);
  }
}
