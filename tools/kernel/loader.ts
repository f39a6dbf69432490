/**
 * System calls from Node: a program of some hundred bytes, made here, that reads a call from its input, makes it, and writes back what
 * came of it with all the memory that the call could write to. Its memory lies at a fixed address, so whoever asks knows what the pointers in
 * a call have to be. Linux on x86-64 only.
 */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";

const CODE_AT = 0x400000;
/** A call: its number and the bytes behind it (u32), three arguments (u64); then those bytes. */
const MEMORY_AT = 0x10000000;
const MEMORY_BYTES = 16 << 20;
const HEADER_BYTES = 32;
/** Where the bytes of a call lie. */
export const BYTES_AT: number = MEMORY_AT + HEADER_BYTES;

const ELF_HEADER = 64;
const PROGRAM_HEADER = 56;

type Code = (
  | number
  | { readonly word: number }
  | { readonly label: string }
  | { readonly to: string; readonly bytes: 1 | 4 }
)[];

const word = (value: number): { readonly word: number } => ({ word: value });
const near = (to: string): { readonly to: string; readonly bytes: 1 } => ({ to, bytes: 1 });
const far = (to: string): { readonly to: string; readonly bytes: 4 } => ({ to, bytes: 4 });

/** x86-64: ebx is where to read to or write from, ebp how many bytes are left. */
const CODE: Code = [
  { label: "next" },
  // ebx = memory; ebp = header; read; ebp = bytes behind it; read
  ...[0xbb, word(MEMORY_AT), 0xbd, word(HEADER_BYTES), 0xe8, far("read")],
  ...[0x8b, 0x2c, 0x25, word(MEMORY_AT + 4), 0xe8, far("read")],
  // eax = number; rdi, rsi, rdx = arguments; the call; its result in place of the first argument
  ...[0x8b, 0x04, 0x25, word(MEMORY_AT), 0x48, 0x8b, 0x3c, 0x25, word(MEMORY_AT + 8)],
  ...[0x48, 0x8b, 0x34, 0x25, word(MEMORY_AT + 16), 0x48, 0x8b, 0x14, 0x25, word(MEMORY_AT + 24)],
  ...[0x0f, 0x05, 0x48, 0x89, 0x04, 0x25, word(MEMORY_AT + 8)],
  // ebx = memory; ebp = header and bytes; write(1, ebx, ebp) until all is written
  ...[0xbb, word(MEMORY_AT), 0x8b, 0x2c, 0x25, word(MEMORY_AT + 4), 0x83, 0xc5, HEADER_BYTES],
  { label: "write" },
  ...[0xb8, word(1), 0xbf, word(1), 0x89, 0xde, 0x89, 0xea, 0x0f, 0x05],
  ...[0x85, 0xc0, 0x7e, near("exit"), 0x01, 0xc3, 0x29, 0xc5, 0x75, near("write"), 0xe9, far("next")],
  // read(0, ebx, ebp) until all is there; the end of the input is the end
  { label: "read" },
  ...[0x85, 0xed, 0x74, near("return"), 0x31, 0xc0, 0x31, 0xff, 0x89, 0xde, 0x89, 0xea, 0x0f, 0x05],
  ...[0x85, 0xc0, 0x7e, near("exit"), 0x01, 0xc3, 0x29, 0xc5, 0xeb, near("read")],
  { label: "return" },
  0xc3,
  { label: "exit" },
  ...[0xb8, word(60), 0x31, 0xff, 0x0f, 0x05],
];

function assemble(code: Code): Uint8Array {
  const sizeOf = (part: Code[number]): number =>
    typeof part === "number" ? 1 : "word" in part ? 4 : "label" in part ? 0 : part.bytes;
  const labels = new Map<string, number>();
  let at = 0;
  for (const part of code) {
    if (typeof part === "object" && "label" in part) labels.set(part.label, at);
    at += sizeOf(part);
  }
  const bytes = new Uint8Array(at);
  const view = new DataView(bytes.buffer);
  at = 0;
  for (const part of code) {
    const end = at + sizeOf(part);
    if (typeof part === "number") view.setUint8(at, part);
    else if ("word" in part) view.setUint32(at, part.word, true);
    else if ("to" in part && part.bytes === 1) view.setInt8(at, (labels.get(part.to) as number) - end);
    else if ("to" in part) view.setInt32(at, (labels.get(part.to) as number) - end, true);
    at = end;
  }
  return bytes;
}

/** A static executable of the code, and the memory. */
function executable(): Uint8Array {
  const code = assemble(CODE);
  const start = ELF_HEADER + 2 * PROGRAM_HEADER;
  const bytes = new Uint8Array(start + code.length);
  const view = new DataView(bytes.buffer);
  const u64 = (at: number, value: number): void => view.setBigUint64(at, BigInt(value), true);
  // ELF, 64 bits, little endian, version 1; EXEC, x86-64
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 2, true);
  view.setUint16(18, 62, true);
  view.setUint32(20, 1, true);
  u64(24, CODE_AT + start);
  u64(32, ELF_HEADER);
  for (const [at, size] of [
    [52, ELF_HEADER],
    [54, PROGRAM_HEADER],
    [56, 2],
  ] as const)
    view.setUint16(at, size, true);
  // LOAD: read and execute the file; read and write memory that no file has
  const segments = [
    [5, CODE_AT, bytes.length, bytes.length],
    [6, MEMORY_AT, 0, MEMORY_BYTES],
  ] as const;
  for (const [index, [flags, address, inFile, inMemory]] of segments.entries()) {
    const at = ELF_HEADER + index * PROGRAM_HEADER;
    view.setUint32(at, 1, true);
    view.setUint32(at + 4, flags, true);
    u64(at + 16, address);
    u64(at + 24, address);
    u64(at + 32, inFile);
    u64(at + 40, inMemory);
    u64(at + 48, 4096);
  }
  bytes.set(code, start);
  return bytes;
}

export interface CallResult {
  /** What the call returned: -errno where it failed. */
  readonly result: number;
  /** The bytes behind the call, as they are now. */
  readonly bytes: Uint8Array;
}

/** The program, running. */
export class SystemCalls {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #folder: string;
  #received: Buffer = Buffer.alloc(0);
  #wanted:
    | { readonly bytes: number; readonly give: (bytes: Buffer) => void; readonly fail: (why: Error) => void }
    | undefined;

  constructor() {
    this.#folder = mkdtempSync(join(tmpdir(), "anyctx-calls-"));
    const path = join(this.#folder, "calls");
    writeFileSync(path, executable());
    chmodSync(path, 0o700);
    this.#child = spawn(path, [], { stdio: ["pipe", "pipe", "inherit"] });
    this.#child.stdout.on("data", (bytes: Buffer) => {
      this.#received = Buffer.concat([this.#received, bytes]);
      this.#deliver();
    });
    const end = (why: string): void => this.#wanted?.fail(new Error(`the program that makes system calls ${why}`));
    this.#child.on("error", ({ message }) => end(`cannot be run: ${message}`));
    this.#child.on("exit", (code, signal) => end(`ended: ${signal ?? code}`));
    this.#child.stdin.on("error", ({ message }) => end(`does not listen: ${message}`));
  }

  #deliver(): void {
    const wanted = this.#wanted;
    if (wanted === undefined || this.#received.length < wanted.bytes) return;
    this.#wanted = undefined;
    const bytes = this.#received.subarray(0, wanted.bytes);
    this.#received = this.#received.subarray(wanted.bytes);
    wanted.give(bytes);
  }

  /**
   * Makes a call.
   * @param bytes lie at BYTES_AT while it is made
   */
  async call(number: number, args: readonly [number, number, number], bytes: Uint8Array): Promise<CallResult> {
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeUInt32LE(number, 0);
    header.writeUInt32LE(bytes.length, 4);
    for (const [index, each] of args.entries()) header.writeBigUInt64LE(BigInt(each), 8 + index * 8);
    const answer = await new Promise<Buffer>((give, fail) => {
      this.#wanted = { bytes: HEADER_BYTES + bytes.length, give, fail };
      this.#child.stdin.write(Buffer.concat([header, bytes]));
      this.#deliver();
    });
    return { result: Number(answer.readBigInt64LE(8)), bytes: Uint8Array.from(answer.subarray(HEADER_BYTES)) };
  }

  close(): void {
    this.#child.stdin.end();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
