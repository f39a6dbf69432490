/** BPF objects inside of another file: a program built with a skeleton has its object among its constants. */

const MAGIC = Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
const MACHINE_BPF = 247;
/** Of an ELF header of 64 bits: type and machine, section headers' offset, their size and number. */
const FIELDS = { machine: 18, sectionHeaders: 40, headerSize: 58, headerCount: 60 } as const;
const HEADER_BYTES = 64;

/** Where an object ends that begins at `at`: behind its section headers, which compilers write last. */
function endOf(file: Buffer, at: number): number | undefined {
  if (at + HEADER_BYTES > file.length || file.readUInt16LE(at + FIELDS.machine) !== MACHINE_BPF) return undefined;
  const headers = Number(file.readBigUInt64LE(at + FIELDS.sectionHeaders));
  const size = file.readUInt16LE(at + FIELDS.headerSize) * file.readUInt16LE(at + FIELDS.headerCount);
  const end = at + headers + size;
  return headers > 0 && end <= file.length ? end : undefined;
}

/** Every object of 64 bits, little-endian, that is inside of a file, in order. */
export function embeddedObjects(file: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let at = file.indexOf(MAGIC); at >= 0; at = file.indexOf(MAGIC, at + 1)) {
    const end = endOf(file, at);
    if (end === undefined) continue;
    found.push(file.subarray(at, end));
    at = end - 1;
  }
  return found;
}
