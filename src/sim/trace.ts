/** A schedule as text: one line a step with CPU, context, function and line, what is accessed, and its value. */
import type { Fiber } from "./fiber.ts";
import { LEVELS } from "./fiber.ts";
import type { Machine, Observer, Outcome } from "./machine.ts";
import { hex } from "./objects.ts";
import { runSchedule, type Stage } from "./scenario.ts";
import { Symbols } from "./symbols.ts";

class Tracer implements Observer {
  readonly lines: string[] = [];
  readonly #machine: Machine;
  readonly #symbols: Symbols;
  /** The last access, whose value is known once it has happened. */
  #open: { readonly text: string; readonly address: number; readonly size: number } | undefined;
  #running: Fiber | undefined;
  #count = 0;

  constructor(machine: Machine) {
    this.#machine = machine;
    this.#symbols = new Symbols(machine.world);
  }

  access(fiber: Fiber, address: number, size: number, site: number): void {
    this.close();
    const { table } = this.#machine.world;
    const place = `${table.functionOf[site]} ${table.files[table.fileOf[site] as number]}:${table.lineOf[site]}`;
    const name = this.#symbols.nameOf(address);
    const text = `${this.#who(fiber)}  ${place.padEnd(52)} ${(table.kinds[site] ?? "").padEnd(12)} ${name}`;
    this.#open = { text, address, size };
  }

  switched(to: Fiber): void {
    this.close();
    if (this.#running !== undefined && this.#running !== to) this.lines.push(`-- ${to.name}`);
    this.#running = to;
  }

  called(fiber: Fiber): void {
    this.close();
    const [name = "", ...args] = fiber.call ?? [];
    this.lines.push(`${this.#who(fiber)}  ${name}(${args.map((each) => this.#argument(each)).join(", ")})`);
  }

  returned(fiber: Fiber): void {
    this.close();
    this.lines.push(`${this.#who(fiber)}  ${fiber.call?.[0]} returns ${this.#argument(fiber.result)}`);
  }

  close(): void {
    if (this.#open === undefined) return;
    const { text, address, size } = this.#open;
    this.lines.push(`${text} = ${this.#value(address, size)}`);
    this.#open = undefined;
  }

  #who(fiber: Fiber): string {
    return `${String(this.#count++).padStart(5)} cpu${fiber.cpu} ${(LEVELS[fiber.level] ?? "").padEnd(7)}`;
  }

  #argument(value: number): string {
    return value > 65535 ? hex(value) : String(value);
  }

  #value(address: number, size: number): string {
    const { memory } = this.#machine.world;
    if (size === 1) return String(memory.bytes[address]);
    if (size > 16) return `${size} bytes`;
    if (size <= 4) return this.#argument(memory.load(address));
    const words = Array.from({ length: size / 4 }, (_, index) => memory.load(address + 4 * index));
    return words.map((word) => this.#argument(word)).join(" ");
  }
}

/** Lines shown before and after a switch, and at the end. */
const AROUND = 24;

/** A trace without the long stretches in which one fiber goes on alone. */
export function shorten(lines: readonly string[]): string[] {
  const isSwitch = (index: number): boolean => lines[index]?.startsWith("-- ") === true;
  const shown = lines.map(() => false);
  lines.forEach((_, index) => {
    if (!isSwitch(index) && index !== lines.length - 1) return;
    for (let near = index - AROUND; near <= index + AROUND; near++) if (near >= 0) shown[near] = true;
  });
  const result: string[] = [];
  let left = 0;
  lines.forEach((line, index) => {
    if (shown[index] === true) {
      if (left > 0) result.push(`      ... ${left} lines`);
      left = 0;
      result.push(line);
    } else left++;
  });
  return result;
}

/** Runs a schedule once more and writes down every step. */
export function trace(stage: Stage, outcome: Outcome): string[] {
  const tracer = new Tracer(stage.machine);
  stage.machine.observers.push(tracer);
  const { finding } = runSchedule(stage, outcome.decisions);
  stage.machine.observers.pop();
  tracer.close();
  return [...shorten(tracer.lines), ...(finding === undefined ? [] : [`!! ${finding.kind}: ${finding.message}`])];
}
