import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { AnyctxError } from "../../error.ts";
import { disassembleAt } from "../isa/disassemble.ts";
import { linkProgram } from "../link.ts";
import { attachTarget, programKind } from "../programs/table.ts";
import { hostFor } from "../testing.ts";
import { readElf } from "./elf.ts";
import { readObject } from "./object.ts";
import { type ObjectSpec, programSpec, setVariable, subprogramsOf } from "./spec.ts";

const fixture = (name: string): Uint8Array => readFileSync(new URL(`../fixtures/${name}`, import.meta.url));
const tracing = (): ObjectSpec => readObject(fixture("tracing.bpf.o"), "tracing.bpf.o");

const fails = (code: string, message: RegExp) => (error: unknown) =>
  error instanceof AnyctxError && error.code === code && message.test(error.message);

function patched(change: (bytes: Uint8Array, view: DataView) => void): Uint8Array {
  const bytes = Uint8Array.from(fixture("tracing.bpf.o"));
  change(bytes, new DataView(bytes.buffer));
  return bytes;
}

test("a clang object gives its programs, with what they run on", () => {
  const spec = tracing();
  assert.equal(spec.license, "GPL");
  assert.deepEqual(
    spec.programs.map(({ name, kind, autoload }) => [name, kind.type, autoload]),
    [
      ["on_kmalloc", "tracepoint", true],
      ["on_switch", "raw_tracepoint", true],
      ["on_open", "kprobe", false],
    ],
  );
  const program = programSpec(spec, "on_kmalloc");
  assert.deepEqual(program.kind, { type: "tracepoint", target: { category: "kmem", event: "kmalloc" } });
  assert.equal(program.section, "tracepoint/kmem/kmalloc");
  assert.deepEqual(
    subprogramsOf(spec, program).map(({ name }) => name),
    ["account", "scale"],
  );
  const [line] = program.lines;
  assert.match(`${line?.file}:${line?.line} ${line?.text}`, /tracing\.bpf\.c:\d+ int on_kmalloc/);
});

test("BTF-defined maps and data sections become map specs", () => {
  const spec = tracing();
  const rows = spec.maps.map(({ name, bpfType, keySize, valueSize, maxEntries, flags, readOnly }) =>
    [name, bpfType, keySize, valueSize, maxEntries, flags, readOnly].join(" "),
  );
  assert.deepEqual(rows.sort(), [
    ".bss 2 4 8 1 0 false",
    ".data 2 4 8 1 0 false",
    ".rodata 2 4 34 1 128 true",
    "counters 6 4 8 4 0 false",
    "flows 1 8 40 1024 1 false",
    "totals 2 4 8 8 0 false",
  ]);
  const data = spec.maps.find(({ name }) => name === ".data");
  assert.deepEqual(data?.contents, Uint8Array.from([41, 0, 0, 0, 0, 0, 0, 0]));
  const rodata = spec.maps.find(({ name }) => name === ".rodata");
  assert.deepEqual(rodata?.variables?.map(({ name, offset, size }) => [name, offset, size]).slice(0, 4), [
    ["minimum", 0, 4],
    ["verbose", 4, 1],
    ["letter", 5, 1],
    ["bias", 8, 8],
  ]);
});

test("the same bytes give the same spec, which survives structured cloning", () => {
  assert.deepEqual(tracing(), tracing());
  assert.deepEqual(structuredClone(tracing()), tracing());
});

test("maps of the older section are read, and what programs need that is missing is said", () => {
  const spec = readObject(fixture("legacy.bpf.o"), "legacy.bpf.o");
  const rows = spec.maps.map(({ name, bpfType, keySize, valueSize, maxEntries, flags }) =>
    [name, bpfType, keySize, valueSize, maxEntries, flags].join(" "),
  );
  assert.ok(rows.includes("first 1 4 8 100 1") && rows.includes("second 2 4 16 10 0"), rows.join());
  const { bindings } = hostFor(spec);
  assert.equal(linkProgram(spec, "supported", bindings).maps.length, 2);
  const cases: readonly (readonly [string, RegExp])[] = [
    ["kernel_function", /function missing is not defined in this object, and no kernel function that is known here/],
  ];
  for (const [name, message] of cases)
    assert.throws(() => linkProgram(spec, name, bindings), fails("UNSUPPORTED", message), name);
  // A table of addresses stays as the compiler wrote it, as with libbpf.
  assert.equal(linkProgram(spec, "pointer", bindings).name, "pointer");
  // So do places of fields (CO-RE).
  assert.equal(linkProgram(spec, "core", bindings).name, "core");
});

test("sections name what is not supported and why", () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ["tp/kmem", /names no event/],
    ["made_up", /no kind of program known/],
  ];
  for (const [section, reason] of cases) {
    const kind = programKind(section);
    assert.ok("reason" in kind && reason.test(kind.reason), section);
  }
  assert.deepEqual(programKind("?tp/a/b"), { type: "tracepoint", target: { category: "a", event: "b" } });
  assert.deepEqual(programKind("raw_tracepoint/b"), { type: "raw_tracepoint", target: { event: "b" } });
  const open = { ...programSpec(tracing(), "on_open"), kind: programKind("made_up") };
  assert.throws(() => attachTarget(open), fails("UNSUPPORTED", /program on_open cannot run here: .*made_up/));
  assert.throws(() => programSpec(tracing(), "none"), fails("EINVAL", /no program none; it has on_kmalloc, /));
});

test("setVariable writes numbers of the variable's type", () => {
  const spec = tracing();
  const contents = (): Uint8Array => spec.maps.find(({ name }) => name === ".rodata")?.contents ?? new Uint8Array();
  setVariable(spec, "minimum", "0x102");
  setVariable(spec, "verbose", true);
  setVariable(spec, "letter", "-1");
  setVariable(spec, "bias", "-2");
  assert.deepEqual([...contents().subarray(0, 6)], [2, 1, 0, 0, 1, 255]);
  assert.deepEqual([...contents().subarray(8, 16)], [254, 255, 255, 255, 255, 255, 255, 255]);
  setVariable(spec, "initial", 7n);
  assert.equal(spec.maps.find(({ name }) => name === ".data")?.contents?.[0], 7);
  const cases: readonly (readonly [string, string | number, string, RegExp])[] = [
    ["nothing", 1, "EINVAL", /no variable nothing; it has .*minimum, verbose/],
    ["minimum", "1.5", "EINVAL", /"1\.5" is not an integer/],
    ["minimum", -1, "ERANGE", /-1 is not between 0 and 4294967295/],
    ["minimum", 2 ** 32, "ERANGE", /not between/],
    ["verbose", 2, "ERANGE", /not between 0 and 1/],
    ["minimum", 0.5, "EINVAL", /not an integer/],
  ];
  for (const [name, value, code, message] of cases)
    assert.throws(() => setVariable(spec, name, value), fails(code, message), `${name} ${value}`);
});

test("what is no BPF object is refused in one sentence", () => {
  const cases: readonly (readonly [string, Uint8Array, RegExp])[] = [
    ["empty", new Uint8Array(), /this is not an ELF file/],
    ["text", new TextEncoder().encode("#!/bin/sh\n"), /this is not an ELF file/],
    ["header only", fixture("tracing.bpf.o").subarray(0, 40), /ends inside the ELF header \(40 of 64 bytes\)/],
    ["32-bit", patched((bytes) => bytes.fill(1, 4, 5)), /32-bit/],
    ["big-endian", patched((bytes) => bytes.fill(2, 5, 6)), /big-endian/],
    ["other machine", patched((_, view) => view.setUint16(18, 62, true)), /machine 62 is not BPF/],
    ["executable", patched((_, view) => view.setUint16(16, 2, true)), /not a relocatable object/],
    ["section table", patched((_, view) => view.setUint32(40, 0x7fffff00, true)), /section headers at offset/],
    ["string index", patched((_, view) => view.setUint16(62, 2, true)), /holds no section names/],
    ["truncated", fixture("tracing.bpf.o").subarray(0, 3000), /beyond the file's 3000 bytes/],
  ];
  for (const [what, bytes, message] of cases)
    assert.throws(() => readObject(bytes, "x.o"), fails("BAD_OBJECT", message), what);
});

test("sections, symbols and relocations are those clang wrote", () => {
  const elf = readElf(fixture("tracing.bpf.o"), "tracing.bpf.o");
  const text = elf.sections.find(({ name }) => name === "tracepoint/kmem/kmalloc");
  assert.ok(text !== undefined);
  assert.equal(text.size % 8, 0);
  assert.equal(elf.relocations.get(text.index)?.[0]?.symbol.name, "seen");
  assert.ok(elf.symbols.some(({ name, size }) => name === "on_kmalloc" && size === text.size));
});

/** Writes to the header of a section. */
function withSection(name: string, write: (view: DataView, header: number) => void): Uint8Array {
  return patched((bytes, view) => {
    const { index } = readElf(bytes, name).sections.find((each) => each.name === name) ?? assert.fail(name);
    write(view, Number(view.getBigUint64(40, true)) + index * 64);
  });
}

test("relocations of what is neither code nor a map are not looked at", () => {
  const withAddends = (view: DataView, header: number): void => view.setUint32(header + 4, 4, true);
  for (const name of [".rel.BTF.ext", ".rel.BTF"]) {
    const { programs } = readObject(withSection(name, withAddends), "x.o");
    assert.deepEqual(
      programs,
      readObject(
        patched(() => undefined),
        "x.o",
      ).programs,
      name,
    );
    // Ends in the middle of a relocation.
    readObject(
      withSection(name, (view, header) => view.setBigUint64(header + 32, 24n, true)),
      "x.o",
    );
  }
  const code = withSection(".reltracepoint/kmem/kmalloc", withAddends);
  assert.throws(() => readObject(code, "x.o"), fails("BAD_OBJECT", /with addends are not BPF's/));
});

/** Reads it and uses the result as far as inspection goes: anything but a spec or one AnyctxError is a bug. */
function survives(bytes: Uint8Array): void {
  try {
    const spec = readObject(bytes, "fuzz.o");
    for (const program of spec.programs) {
      subprogramsOf(spec, program);
      program.instructions.forEach((_, at) => void disassembleAt(program.instructions, at));
    }
    for (const { variables } of spec.maps)
      for (const { name } of variables ?? []) {
        try {
          setVariable(spec, name, 1);
        } catch (error) {
          assert.ok(error instanceof AnyctxError, String(error));
        }
      }
  } catch (error) {
    assert.ok(error instanceof AnyctxError, String(error));
    assert.ok(!error.message.includes("\n") && error.message.length < 400, error.message);
  }
}

test("damaged objects give a spec or one AnyctxError, whatever the damage", () => {
  const good = fixture("tracing.bpf.o");
  const change = fc.record({ at: fc.nat({ max: good.length - 1 }), value: fc.integer({ min: 0, max: 255 }) });
  // Most bytes say little; headers, symbols and types are where damage matters, so large numbers are aimed there too.
  const word = fc.record({
    at: fc.nat({ max: good.length / 4 - 2 }).map((index) => index * 4),
    word: fc.constantFrom(0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0x10000, good.length),
  });
  fc.assert(
    fc.property(
      fc.array(change, { maxLength: 6 }),
      fc.array(word, { maxLength: 4 }),
      fc.option(fc.nat({ max: good.length })),
      (bytes, words, length) => {
        const damaged = Uint8Array.from(good);
        const view = new DataView(damaged.buffer);
        for (const { at, value } of bytes) damaged[at] = value;
        for (const { at, word: value } of words) view.setUint32(at, value, true);
        survives(length === null ? damaged : damaged.subarray(0, length));
      },
    ),
    { numRuns: 1500 },
  );
});

test("every truncation is refused or read, never anything else", () => {
  const good = fixture("loops.bpf.o");
  for (let length = 0; length < good.length; length += 7) survives(good.subarray(0, length));
});
