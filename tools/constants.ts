/** Objects whose constants are set before a loader that sets none gets them. */
import { readObject } from "../src/bpf/object/object.ts";

/** Of an ELF file of 64 bits, little endian: where its header says that sections are described, and of a description. */
const HEADER = { sectionsAt: 0x28, sectionBytes: 0x3a, sections: 0x3c, namesIn: 0x3e } as const;
const SECTION = { name: 0, offset: 0x18 } as const;

/** Where a section's bytes begin in the file. */
function sectionAt(view: DataView, wanted: string): number {
  const table = Number(view.getBigUint64(HEADER.sectionsAt, true));
  const at = (index: number): number => table + index * view.getUint16(HEADER.sectionBytes, true);
  const bytesAt = (index: number): number => Number(view.getBigUint64(at(index) + SECTION.offset, true));
  const names = bytesAt(view.getUint16(HEADER.namesIn, true));
  for (let index = 0; index < view.getUint16(HEADER.sections, true); index++) {
    const name = names + view.getUint32(at(index) + SECTION.name, true);
    const bytes = new Uint8Array(view.buffer, view.byteOffset + name, wanted.length + 1);
    if (new TextDecoder().decode(bytes) === `${wanted}\0`) return bytesAt(index);
  }
  throw new Error(`there is no section ${wanted}`);
}

/** A copy with numbers of 4 bytes in `.rodata`. */
export function withConstants(object: Uint8Array, constants: Readonly<Record<string, number>>): Uint8Array {
  const copy = object.slice();
  const view = new DataView(copy.buffer);
  for (const [name, value] of Object.entries(constants)) {
    const [variable] = readObject(object, "object").maps.flatMap((map) =>
      (map.variables ?? []).filter((each) => each.name === name && map.readOnly),
    );
    if (variable?.size !== 4) throw new Error(`there is no constant ${name} of 4 bytes`);
    view.setUint32(sectionAt(view, ".rodata") + variable.offset, value, true);
  }
  return copy;
}
