/** Keys, values and variables of an object as its types say (BTF), read and written as JavaScript's own. */
import { type Btf, type BtfValue, decodeBtf, sizeOf } from "../bpf/object/btf.ts";
import { encodeBtf } from "../bpf/object/btf-encode.ts";
import type { Codec } from "../maps/codec/codec.ts";

/** @throws {AnyctxError} BAD_OBJECT: a type without a size */
export function btfCodec(btf: Btf, typeId: number): Codec<BtfValue> {
  const size = sizeOf(btf, typeId);
  return {
    size,
    align: 1,
    description: { layout: size },
    bind(buffer, offset) {
      const place = new Uint8Array(buffer, offset, size);
      return {
        read: () => decodeBtf(btf, typeId, place.slice()),
        write: (value) => place.set(encodeBtf(btf, typeId, value)),
      };
    },
  };
}
