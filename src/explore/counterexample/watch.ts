/** Watches a run for what a search goes by: numbers it reads from its inputs, how its branches come out, which keys it looks up. */
import { helperById } from "../../bpf/helpers/table.ts";
import type { Interpreter, RunState } from "../../bpf/interpreter/state.ts";
import { type Instruction, type Operation, operationOf } from "../../bpf/isa/instructions.ts";
import { RECORD } from "../../events/record.ts";
import { hex, type InputPlace } from "./inputs.ts";

export interface SeenNumber {
  readonly place: InputPlace;
  readonly value: bigint;
}

export interface SeenBranch {
  readonly at: number;
  readonly taken: boolean;
  /** What was compared, as it was compared. */
  readonly left: bigint;
  readonly right: bigint;
}

export interface SeenLookup {
  readonly map: string;
  readonly key: string;
  readonly bytes: number;
  /** Address of the value, or 0. */
  readonly value: number;
}

/** Where the parts of a run's context lie, from its beginning. */
export interface Layout {
  /** The struct that the program gets. */
  readonly struct: number;
  /** The packet behind it; undefined where there is none. */
  readonly packet: number | undefined;
  readonly end: number;
}

/** Fields of the event's record that helpers read. */
const RECORD_PLACES: ReadonlyMap<number, InputPlace> = new Map<number, InputPlace>([
  [RECORD.time, { of: "time" }],
  [RECORD.pidTgid, { of: "pidTgid" }],
  [RECORD.uidGid, { of: "uidGid" }],
]);

const MOST_SEEN = 2000;

export class Watcher {
  readonly numbers: SeenNumber[] = [];
  readonly branches: SeenBranch[] = [];
  readonly lookups: SeenLookup[] = [];
  reached = false;
  readonly #target: number;
  readonly #layout: Layout;
  /** What r0 will be when the call that was made last has returned. */
  #pending: ((r0: bigint) => void) | undefined;

  constructor(target: number, layout: Layout) {
    this.#target = target;
    this.#layout = layout;
  }

  /** Instructions of the run. */
  steps = 0;

  readonly watch = (interpreter: Interpreter, state: RunState): void => {
    this.#pending?.(state.registers[0] ?? 0n);
    this.#pending = undefined;
    this.steps++;
    if (state.next.at === this.#target) this.reached = true;
    const slot = interpreter.program.instructions[state.next.at];
    const operation = slot === undefined ? undefined : operationOf(slot);
    if (slot === undefined || operation === undefined || this.numbers.length > MOST_SEEN) return;
    this.#see(interpreter, state, slot, operation);
  };

  #see(interpreter: Interpreter, state: RunState, slot: Instruction, { effect }: Operation): void {
    const register = (index: number): bigint => state.registers[index] ?? 0n;
    if (effect.type === "load") this.#load(state, register(slot.src) + BigInt(slot.offset), effect.bytes);
    if (effect.type === "atomic") this.#load(state, register(slot.dst) + BigInt(slot.offset), effect.bytes);
    if (effect.type === "branch") {
      const cut = (value: bigint): bigint => BigInt.asUintN(effect.width, value);
      const [left, right] = [
        cut(register(slot.dst)),
        cut(effect.operand === "src" ? register(slot.src) : BigInt(slot.imm)),
      ];
      this.branches.push({
        at: state.next.at,
        taken: effect.comparison.evaluate(left, right, effect.width),
        left,
        right,
      });
    }
    if (effect.type === "call" && effect.target === "helper") this.#call(interpreter, state, slot.imm);
  }

  #call({ maps }: Interpreter, { registers, view }: RunState, id: number): void {
    const helper = helperById(id);
    const action = helper?.action;
    if (action?.type === "record") {
      const place = RECORD_PLACES.get(action.offset);
      this.#pending = (value) => void (place !== undefined && this.numbers.push({ place, value }));
    }
    const map = maps.get(Number(registers[1]));
    if (map !== undefined && helper?.calls?.arguments.includes("key") === true)
      this.lookups.push({ map: map.name, key: "00".repeat(map.keySize), bytes: map.valueSize, value: 0 });
    if (helper?.result !== "value") return;
    const at = Number(registers[2]);
    if (map === undefined || at + map.keySize > view.byteLength) return;
    const key = hex(new Uint8Array(view.buffer, at, map.keySize).slice());
    this.#pending = (value) =>
      void this.lookups.push({ map: map.name, key, bytes: map.valueSize, value: Number(value) });
  }

  #load(state: RunState, address: bigint, bytes: number): void {
    const place = this.#placeOf(state, Number(address), bytes);
    if (place === undefined || Number(address) + bytes > state.view.byteLength) return;
    let value = 0n;
    for (let at = bytes - 1; at >= 0; at--) value = (value << 8n) | BigInt(state.view.getUint8(Number(address) + at));
    this.numbers.push({ place, value });
  }

  #placeOf({ context }: RunState, address: number, bytes: number): InputPlace | undefined {
    const { struct, packet, end } = this.#layout;
    const offset = address - context;
    if (offset >= 0 && offset + bytes <= struct) return { of: "context", offset, bytes };
    if (packet !== undefined && offset >= packet && offset + bytes <= end)
      return { of: "packet", offset: offset - packet, bytes };
    const found = this.lookups.findLast(
      ({ value, bytes: size }) => value !== 0 && address >= value && address + bytes <= value + size,
    );
    return found === undefined
      ? undefined
      : { of: "value", map: found.map, key: found.key, offset: address - found.value, bytes };
  }
}
