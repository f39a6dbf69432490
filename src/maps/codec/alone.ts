/** A codec in memory of this thread's own: values become bytes, and bytes values, without the arena. */
import { AnyctxError } from "../../error.ts";
import { roundUp } from "../align.ts";
import type { Codec, Role } from "./accessor.ts";

export interface Alone<T> {
  /** @throws what the codec throws; EINVAL: to read the value used this very memory, and what it had read by then is gone */
  encode(value: T): Uint8Array;
  decode(bytes: Uint8Array): T;
}

/** @param size bytes of a value as it lies in the map */
export function alone<T>(codec: Codec<T>, size: number, role: Role): Alone<T> {
  const room = new Uint8Array(roundUp(Math.max(size, codec.size)));
  const place = codec.bind(room.buffer, 0, role);
  let uses = 0;
  return {
    encode(value) {
      const use = ++uses;
      // What was decoded last may have had something between its fields.
      room.fill(0);
      place.write(value);
      if (use !== uses) throw new AnyctxError("EINVAL", "to read it uses the map itself");
      return room.slice(0, size);
    },
    decode(bytes) {
      uses++;
      room.set(bytes);
      return place.read();
    },
  };
}
