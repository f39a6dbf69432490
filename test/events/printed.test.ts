/** Events printed as a kernel prints them, from values that are chance, and read back. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { type EventField, fieldBit, ownFields } from "../../src/events/event.ts";
import { createMatcher } from "../../src/events/ftrace/fields/matcher.ts";
import { createSymbols } from "../../src/events/ftrace/symbols.ts";
import { type Expression, evaluate, fieldsOf, parsePrint } from "../../src/events/tracepoints/expression.ts";
import { bytesOfType, type FtraceFormat } from "../../src/events/tracepoints/format.ts";
import { KERNEL_FORMATS } from "../../src/events/tracepoints/kernel-formats.ts";
import { loadFormats } from "../../src/events/tracepoints/load-formats.ts";
import { bytesOfField, type Printed, print, Unprintable } from "./printing.ts";

/** Chance that is the same on every run. */
function chance(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return Math.floor(((state >>> 0) / 2 ** 32) * below);
  };
}

type Random = ReturnType<typeof chance>;

/** Fields of flags that are printed without what has no name: `prev_state`. There is nothing else in them. */
const masked = (format: FtraceFormat): ReadonlySet<string> =>
  new Set([...format.print.matchAll(/__print_flags\(REC->(\w+) & /g)].map(([, name = ""]) => name));

/** Numbers that tables of the format have for a field. */
function tabled(format: FtraceFormat): ReadonlyMap<string, readonly bigint[]> {
  const numbers = new Map<string, bigint[]>();
  const walk = (each: Expression, about: readonly string[]): void => {
    if (each.kind === "list") {
      const number = each.items[0] === undefined ? undefined : evaluate(each.items[0]);
      for (const name of number === undefined ? [] : about)
        numbers.set(name, [...(numbers.get(name) ?? []), number ?? 0n]);
    } else if (each.kind === "call") for (const inner of each.arguments) walk(inner, fieldsOf(each));
    else if (each.kind === "choice") for (const inner of [each.test, each.yes, each.no]) walk(inner, about);
  };
  for (const argument of parsePrint(format.print)?.arguments ?? []) walk(argument, []);
  return numbers;
}

function randomBytes(random: Random, length: number): Buffer {
  const kind = random(6);
  return Buffer.from(Array.from({ length }, () => (kind === 0 ? 0 : kind === 1 ? 255 : random(256))));
}

function randomNumber(random: Random, size: number, known: readonly bigint[], isKnown: boolean): Buffer {
  const kind = random(isKnown ? 4 : 8);
  let value = BigInt(random(12));
  if (kind < 4 && known.length > 0) {
    value = known[random(known.length)] ?? 0n;
    if (kind === 3) value |= known[random(known.length)] ?? 0n;
  } else if (kind === 4) value = -BigInt(random(40));
  else if (kind === 5) value = BigInt(random(2 ** 20));
  else if (kind > 5) return randomBytes(random, size);
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, value));
  return bytes.subarray(0, size);
}

const LETTERS = "abcdefgxyzABFXZ0123456789_";
const randomText = (random: Random, most: number): string =>
  Array.from({ length: random(most) }, () => LETTERS[random(LETTERS.length)]).join("");

function socketAddress(random: Random): Buffer {
  const bytes = Buffer.alloc(28);
  const isFour = random(2) === 0;
  bytes.writeUInt16LE(isFour ? 2 : 10);
  randomBytes(random, 2).copy(bytes, 2);
  randomBytes(random, isFour ? 4 : 16).copy(bytes, isFour ? 4 : 8);
  return bytes;
}

/** What a field that lies behind the struct may hold. */
function randomLocated(random: Random, { print: text }: FtraceFormat, { name, type }: EventField): Buffer {
  if (new RegExp(`%p[iI]S.*\\b${name}\\b`, "s").test(text) && !/char$/.test(type)) {
    const address = socketAddress(random);
    return address[0] === 2 ? address.subarray(0, 16) : address;
  }
  if (/^(const )?char$/.test(type)) return Buffer.from(`${randomText(random, 14)}\0`, "latin1");
  if (/cpumask|bitmask/.test(`${type} ${text}`)) return randomBytes(random, 8 + 8 * random(3));
  return randomBytes(random, (bytesOfType(type) ?? 8) * random(5));
}

function randomEvent(random: Random, format: FtraceFormat, known: ReadonlyMap<string, readonly bigint[]>): Printed {
  const struct = Buffer.alloc(format.size);
  const flags = masked(format);
  const numbers = (name: string): readonly bigint[] => known.get(name) ?? [];
  const behind: Buffer[] = [];
  let end = format.size;
  for (const field of ownFields(format.fields)) {
    const { offset, size, kind, count, name } = field;
    if (kind === "dataLoc" || kind === "relLoc") {
      const bytes = randomLocated(random, format, field);
      struct.writeUInt32LE((bytes.length << 16) | (end - (kind === "relLoc" ? offset + size : 0)), offset);
      behind.push(bytes);
      end += bytes.length;
    } else if (kind === "chars") {
      if (size === 0) behind.push(Buffer.from(`${randomText(random, 14)}\0`, "latin1"));
      else struct.write(randomText(random, Math.min(size, 16)), offset, "latin1");
    } else if (size === 28 && /%p[iI]S/.test(format.print)) socketAddress(random).copy(struct, offset);
    else if (kind === "other") randomBytes(random, size).copy(struct, offset);
    else if (/\bbool\b/.test(field.type)) struct[offset] = random(2);
    else
      for (let at = 0; at < count; at++)
        randomNumber(random, size / count, numbers(name), flags.has(name)).copy(struct, offset + (at * size) / count);
  }
  return { format, bytes: Buffer.concat([struct, ...behind]), symbols: new Map() };
}

interface Found {
  lines: number;
  equal: number;
  wrong: string[];
}

function readBack(event: Printed, line: string, matcher: ReturnType<typeof createMatcher>, found: Found): void {
  const { format } = event;
  const bytes = new Uint8Array(16384);
  const [view, words] = [new DataView(bytes.buffer), new Int32Array(bytes.buffer)];
  const target = { bytes, view, words, start: 0, end: 0, limit: 16384 };
  const name = `${format.category}/${format.name}`;
  const told = ownFields(format.fields).filter(
    (each) => !matcher.unprinted.includes(each.name) && !matcher.unreadable.includes(each.name),
  );
  if (matcher.match(Buffer.from(`${line}\nnext\n`, "latin1"), 0, target) < 0) {
    if (told.length > 0) found.wrong.push(`${name}: not read: ${line}`);
    return;
  }
  const { unreadLow, unreadHigh } = matcher.unread;
  const [low, high] = [unreadLow | matcher.neverLow, unreadHigh | matcher.neverHigh];
  const read: Printed = { format, bytes: Buffer.from(bytes.subarray(0, target.end)), symbols: event.symbols };
  for (const field of ownFields(format.fields)) {
    const bit = fieldBit(format.fields, field);
    if ((((bit < 32 ? low : high) >>> (bit & 31)) & 1) === 1) {
      continue;
    }
    if (field.name === "__syscall_nr") continue;
    const symbol = event.symbols.get(field.name);
    const [is, was] = [read, event].map((each) => {
      const own = bytesOfField(each, field);
      const isText = field.kind === "chars" || (field.kind !== "number" && /^(const )?char$/.test(field.type));
      return isText ? (own.toString("latin1").split("\0", 1)[0] ?? "") : own.toString("hex");
    });
    const address = symbol === undefined ? undefined : SYMBOLS.addressOf(symbol);
    const expected =
      address === undefined ? was : Buffer.from(new BigInt64Array([BigInt.asIntN(64, address)]).buffer).toString("hex");
    if (is === expected) found.equal++;
    else found.wrong.push(`${name}.${field.name}: ${is} for ${expected} of ${line}`);
  }
}

const SYMBOLS = createSymbols();

function readAllBack(formats: readonly FtraceFormat[], lines: number): Found {
  const found: Found = { lines: 0, equal: 0, wrong: [] };
  for (const [index, format] of formats.entries()) {
    if (/^sys_(enter|exit)_/.test(format.name)) continue;
    const random = chance(index + 1);
    const known = tabled(format);
    const matcher = createMatcher(format, SYMBOLS);
    for (let at = 0; at < lines; at++) {
      const event = randomEvent(random, format, known);
      try {
        const line = print(event);
        // Only of messages a line may end in the middle.
        if (line.includes("\n")) continue;
        found.lines++;
        readBack(event, line, matcher, found);
      } catch (error) {
        if (!(error instanceof Unprintable)) throw error;
      }
    }
  }
  return found;
}

const HERE = "/sys/kernel/tracing/events";
const whyNot = existsSync(`${HERE}/sched/sched_switch/format`) ? false : "no tracefs";

test("each field of the events that are known is read from its line, or is named", () => {
  const found = readAllBack(KERNEL_FORMATS, 12);
  assert.deepEqual(found.wrong, []);
  assert.ok(found.lines > 6000 && found.equal > 30_000, `${found.lines} lines, ${found.equal} fields`);
});

test("each field of this kernel's events is read from its line, or is named", { skip: whyNot }, () => {
  const found = readAllBack(loadFormats(HERE), 12);
  assert.deepEqual(found.wrong, []);
});
