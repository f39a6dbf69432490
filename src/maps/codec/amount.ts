/** What is added to a number: any amount that JavaScript has exactly, as the core takes it. */
import { show } from "../../arguments.ts";
import { AnyctxError } from "../../error.ts";
import { CONSTANTS } from "../../wasm/face.ts";
import type { ScalarName } from "./accessor.ts";

const { SUBTRACTS } = CONSTANTS;
const TWO_TO_32 = 2 ** 32;

/**
 * @param into gets the magnitude, of a float the amount: 8 bytes
 * @param map its name, for the message
 * @returns SUBTRACTS for a negative integer, otherwise 0
 * @throws {AnyctxError} EINVAL: it can be added to no such number; ERANGE: no sum with it can be held
 */
export function writeAmount(into: DataView, name: ScalarName, amount: unknown, map: string): number {
  if (name === "f32" || name === "f64") {
    if (typeof amount !== "number") throw noAmount(name, "a number", amount, map);
    into.setFloat64(0, amount, true);
    return 0;
  }
  if (name === "u64" || name === "i64") {
    if (typeof amount !== "bigint") throw noAmount(name, "a bigint", amount, map);
    const magnitude = amount < 0n ? -amount : amount;
    if (magnitude >= 2n ** 64n) throw sumOutOfRange(name, amount, map);
    into.setBigUint64(0, magnitude, true);
    return amount < 0n ? SUBTRACTS : 0;
  }
  if (!Number.isSafeInteger(amount)) throw noAmount(name, "a whole number", amount, map);
  const magnitude = Math.abs(amount as number);
  into.setUint32(0, magnitude % TWO_TO_32, true);
  into.setUint32(4, Math.floor(magnitude / TWO_TO_32), true);
  return (amount as number) < 0 ? SUBTRACTS : 0;
}

function noAmount(name: ScalarName, needs: string, amount: unknown, map: string): AnyctxError {
  return new AnyctxError("EINVAL", `Only ${needs} can be added to ${name} of map "${map}", not ${show(amount)}`);
}

export function sumOutOfRange(name: ScalarName, amount: unknown, map: string): AnyctxError {
  return new AnyctxError("ERANGE", `${name} of map "${map}" cannot hold the sum with ${show(amount)}`);
}
