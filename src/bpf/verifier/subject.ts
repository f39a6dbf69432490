/** A program as it is looked at: with its type's rules, its policy and its source. */
import { type Instruction, type Operation, operationOf } from "../isa/instructions.ts";
import type { LinkedProgram } from "../linked.ts";
import type { SourceLine } from "../object/spec.ts";
import type { PacketStruct } from "../programs/packet-struct.ts";
import type { ProgramType } from "../programs/program-type.ts";
import { programType } from "../programs/table.ts";
import { ProofBook } from "./proofs.ts";
import type { Refusal } from "./refusal.ts";
import { describeTarget, type PointerRegister, type Register } from "./registers.ts";
import type { Rules } from "./rules.ts";
import type { State } from "./state.ts";

/** A slot of the program with what it does; the second slots of wide loads have none. */
export interface Step {
  readonly at: number;
  readonly slot: Instruction;
  readonly operation: Operation;
}

/** A field of a context that says where a packet begins or ends. */
export interface AddressField {
  readonly leads: "packet" | "packetEnd" | "packetMeta" | "socket";
  readonly offset: number;
  readonly bytes: 4 | 8;
}

function addressesOf(packet: PacketStruct | undefined): AddressField[] {
  if (packet === undefined) return [];
  const { data, end, meta, socket, pointer: bytes } = packet;
  const field = (leads: AddressField["leads"], offset: number | undefined, size: 4 | 8): AddressField[] =>
    offset === undefined ? [] : [{ leads, offset, bytes: size }];
  return [
    ...field("packet", data, bytes),
    ...field("packetEnd", end, bytes),
    ...field("packetMeta", meta, bytes),
    ...field("socket", socket, 8),
  ];
}

export interface Subject {
  readonly program: LinkedProgram;
  /** Undefined for a program of no type. */
  readonly type: ProgramType | undefined;
  readonly rules: Rules;
  /** By slot. */
  readonly steps: readonly (Step | undefined)[];
  /** Bytes that a context has; undefined where what is read decides. */
  readonly contextBytes: number | undefined;
  /** Fields of the context that are addresses. */
  readonly addresses: readonly AddressField[];
  /** Of accesses so far, by slot: what they are to, as far as no instruction may access that and something else. */
  readonly apartAccesses: Map<number, "context" | "arena" | "other">;
  /** By slot, what is done with pointers into the arena map: ARENA_ACCESS or ARENA_POINTER. */
  readonly arenaPointers: Map<number, number>;
  readonly proofs: ProofBook;
  /** By the beginning of each function, how far below its top the stack was used so far. */
  readonly stackDepths: Map<number, number>;
  /** First slots of functions that are called when the run has ended. */
  readonly lateFunctions: Set<number>;
  /** A pointer that is moved further than Linux allows, whether or not anything is accessed there. */
  far: { readonly refusal: Refusal; readonly state: State } | undefined;
  /** The most of the context that was read so far. */
  contextRead: number;
  /** Numbers for what is told apart by them. */
  nextId: number;
}

export function subjectOf(program: LinkedProgram, rules: Rules): Subject {
  const { kind, instructions } = program;
  const type = "reason" in kind ? undefined : programType(kind);
  const steps = instructions.map((slot, at) => {
    const operation = operationOf(slot);
    return operation === undefined || slot.code === 0 ? undefined : { at, slot, operation };
  });
  const contextBytes = "reason" in kind ? undefined : type?.context.access?.bytes(kind.target);
  const addresses = addressesOf(type?.packet);
  const seen = {
    apartAccesses: new Map<number, "context" | "arena" | "other">(),
    arenaPointers: new Map<number, number>(),
    stackDepths: new Map<number, number>(),
    lateFunctions: new Set<number>(),
    far: undefined,
    proofs: new ProofBook(),
    contextRead: 0,
    nextId: 1,
  };
  return { program, type, rules, steps, contextBytes, addresses, ...seen };
}

export function sourceAt({ lines }: Pick<LinkedProgram, "lines">, at: number): SourceLine | undefined {
  return lines.findLast(({ instruction }) => instruction <= at);
}

/** The variable that a line of C gives a call's result or another value to, as far as its text shows it. */
export function assignedIn(text: string): string | undefined {
  const [ofCall] = [...text.matchAll(/([A-Za-z_]\w*)\s*=\s*(?:\([^()]*\)\s*)?[A-Za-z_]\w*\(/g)].slice(-1);
  const found = ofCall?.[1] ?? /(?:^|[^\w.>])\*?\s*([A-Za-z_]\w*)\s*=[^=]/.exec(text)?.[1];
  return found === undefined || /^(if|while|return)$/.test(found) ? undefined : found;
}

/** How an author calls what a register holds: by the variable that it was assigned to, or by the register. */
export function nameOf({ program }: Subject, index: number, register: Register): string {
  if (register.type !== "pointer") return `r${index}`;
  const source = register.origin < 0 ? undefined : sourceAt(program, register.origin);
  const variable = source === undefined ? undefined : assignedIn(source.text);
  return variable === undefined ? `r${index}` : `\`${variable}\``;
}

/** What a pointer leads into, with the place that it comes from. */
export function cameFrom({ program }: Subject, { origin, target }: PointerRegister): string {
  const source = sourceAt(program, origin);
  return `${describeTarget(target)}${source === undefined ? "" : ` (from line ${source.line})`}`;
}
