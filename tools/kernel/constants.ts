/** Objects whose constants are set before a loader that sets none gets them. */
import { sectionOrAll } from "../../src/bpf/object/elf.ts";
import { readObject } from "../../src/bpf/object/object.ts";

/** A copy with numbers of 4 bytes in `.rodata`. */
export function withConstants(object: Uint8Array, constants: Readonly<Record<string, number>>): Uint8Array {
  const copy = new Uint8Array(object);
  for (const [name, value] of Object.entries(constants)) {
    const [variable] = readObject(object, "object").maps.flatMap((map) =>
      (map.variables ?? []).filter((each) => each.name === name && map.readOnly),
    );
    if (variable?.size !== 4) throw new Error(`there is no constant ${name} of 4 bytes`);
    // The section where it lies in the copy.
    const { buffer, byteOffset } = sectionOrAll(copy, "object", ".rodata");
    new DataView(buffer, byteOffset).setUint32(variable.offset, value, true);
  }
  return copy;
}
