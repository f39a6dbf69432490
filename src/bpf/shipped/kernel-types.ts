/**
 * Types of kernels that come along, for objects that are to be made right for a certain one wherever they are loaded: a module each,
 * so that nobody has those that he does not import. They are cut down to what programs of the field ask for (tools/shipped/kernel-types.ts).
 */
import { AnyctxError } from "../../error.ts";
import { type Btf, readBtf } from "../object/btf.ts";

/** Types of a kernel, as `anyctx/btf/linux-6.18` and its like export them. */
export interface KernelTypes {
  /** `linux-6.18`. */
  readonly name: string;
  /** The kernel that they are of, as it calls itself. */
  readonly release: string;
  /** Names of types that it does not have, of those that programs ask for, with blanks between them. */
  readonly without: string;
  /** BTF, packed by gzip, in base64. */
  readonly packed: string;
}

function decode(base64: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let index = 0; index < bytes.length; index++) bytes[index] = text.charCodeAt(index);
  return bytes;
}

/** @throws {AnyctxError} BAD_OBJECT: they are damaged */
export async function unpackTypes({ name, without, packed }: KernelTypes): Promise<Btf> {
  let bytes: ArrayBuffer;
  try {
    const unpacked = new Blob([decode(packed)]).stream().pipeThrough(new DecompressionStream("gzip"));
    bytes = await new Response(unpacked).arrayBuffer();
  } catch (cause) {
    throw new AnyctxError("BAD_OBJECT", `${name}: its types cannot be unpacked`, { cause });
  }
  const { btf } = readBtf(new Uint8Array(bytes), name);
  return { ...btf, without: new Set(without.split(" ")) };
}
