/**
 * What an object asks of its kernel's configuration: variables that it declares `extern ... __kconfig`. They get a data section of
 * their own, `.kconfig`, which programs only read, as libbpf has it (its `bpf_object__resolve_externs`).
 *
 * There is no kernel here, so what is known is the one that the profile `linux` stands for; of its options nothing is. An option that
 * may be missing (`__weak`) is 0, as on a kernel without it; a program that uses another one is not loaded unless it is set.
 */
import { AnyctxError } from "../../error.ts";
import { type Btf, sizeOf, typeOf } from "./btf.ts";
import { type ElfObject, type ElfSymbol, SYMBOL_BINDING } from "./elf.ts";
import { BPF_MAP_TYPE_ARRAY, type MapSpec, RDONLY_PROG, type VariableSpec } from "./spec.ts";

export const KCONFIG_SECTION = ".kconfig";

/** `LINUX_VERSION_CODE` of Linux 6.18.0. */
const KERNEL_VERSION = (6 << 16) | (18 << 8);

/** What libbpf finds out itself, as it is on x86-64. */
const KNOWN: ReadonlyMap<string, number> = new Map([
  ["LINUX_KERNEL_VERSION", KERNEL_VERSION],
  ["LINUX_HAS_SYSCALL_WRAPPER", 1],
  ["LINUX_HAS_BPF_COOKIE", 1],
]);

/** Bytes of the section, of which the text options are the largest part. */
const MOST_BYTES = 1 << 16;

function isWeak(elf: ElfObject, name: string): boolean {
  return elf.symbols.some((symbol) => isUndefined(symbol, name) && symbol.binding === SYMBOL_BINDING.weak);
}

function isUndefined({ section, name: own }: ElfSymbol, name: string): boolean {
  return section === 0 && own === name;
}

/** Stores a number little-endian in as many bytes as the variable has. @throws {AnyctxError} BAD_OBJECT: these are too few */
function store(object: string, contents: Uint8Array, { name, offset, size }: VariableSpec, value: number): void {
  if (value >= 2 ** (8 * size))
    throw new AnyctxError("BAD_OBJECT", `${object}: ${name} is ${value}, for which it has ${size} bytes only`);
  for (let index = 0; index < Math.min(size, 4); index++) contents[offset + index] = (value >>> (8 * index)) & 0xff;
}

/** The variables one after the other, each at a multiple of its size: BTF has no places of what is declared elsewhere. */
function place(btf: Btf, types: readonly number[]): VariableSpec[] {
  let end = 0;
  return types.map((typeId) => {
    const size = sizeOf(btf, typeId);
    const alignment = Math.min(Math.max(size, 1), 8);
    const offset = Math.ceil(end / alignment) * alignment;
    end = offset + size;
    return { name: typeOf(btf, typeId).name, offset, size, typeId };
  });
}

/** The section, if the object asks for anything. @throws {AnyctxError} BAD_OBJECT for types that cannot be */
export function readKconfig(elf: ElfObject, btf: Btf | undefined, name: string): MapSpec | undefined {
  const section = btf?.types.find(({ kind, name }) => kind === "section" && name === KCONFIG_SECTION);
  if (btf === undefined || section?.kind !== "section" || section.variables.length === 0) return undefined;
  const variables = place(
    btf,
    section.variables.map(({ type }) => type),
  );
  const valueSize = Math.max(...variables.map(({ offset, size }) => offset + size));
  if (valueSize > MOST_BYTES)
    throw new AnyctxError(
      "BAD_OBJECT",
      `${name}: its ${KCONFIG_SECTION} has ${valueSize} bytes, more than ${MOST_BYTES}`,
    );
  const contents = new Uint8Array(valueSize);
  for (const variable of variables) store(name, contents, variable, KNOWN.get(variable.name) ?? 0);
  const names = variables.map(({ name }) => name);
  const unknown = new Set(names.filter((name) => !KNOWN.has(name) && !isWeak(elf, name)));
  return {
    ...{ name: KCONFIG_SECTION, bpfType: BPF_MAP_TYPE_ARRAY, keySize: 4, valueSize, maxEntries: 1, flags: RDONLY_PROG },
    ...{ contents, readOnly: true, variables, unset: unknown },
  };
}
