/** Whole numbers of 1, 2, 4 or 8 bytes as they lie in an event's struct: little-endian, at any address. */

const TWO_32 = 4294967296;

/**
 * Stores a whole number of `size` (1, 2, 4 or 8) bytes, little-endian; negative ones as two's complement.
 * @returns false when it does not fit (signed or unsigned)
 */
export function storeNumber(view: DataView, at: number, size: number, value: number): boolean {
  if (size === 8) {
    view.setUint32(at, value >>> 0, true);
    view.setUint32(at + 4, Math.floor(value / TWO_32) >>> 0, true);
    return true;
  }
  if (size === 4) {
    if (value >= TWO_32 || value < -2147483648) return false;
    view.setUint32(at, value >>> 0, true);
    return true;
  }
  const limit = 2 ** (size * 8);
  if (value >= limit || value < -limit / 2) return false;
  if (size === 2) view.setUint16(at, value & 0xffff, true);
  else view.setUint8(at, value & 0xff);
  return true;
}

/** As `storeNumber`, for numbers that a double cannot hold. */
export function storeBigInt(view: DataView, at: number, size: number, value: bigint): boolean {
  const bits = BigInt(size * 8);
  if (value >> bits !== 0n && (value < 0n ? value < -(1n << (bits - 1n)) : true)) return false;
  const low = BigInt.asUintN(64, value);
  view.setUint8(at, Number(low & 0xffn));
  if (size >= 2) view.setUint16(at, Number(low & 0xffffn), true);
  if (size >= 4) view.setUint32(at, Number(low & 0xffffffffn), true);
  if (size === 8) view.setUint32(at + 4, Number(low >> 32n), true);
  return true;
}

/** The stored number of `size` bytes, unsigned. */
export function loadBigInt(view: DataView, at: number, size: number): bigint {
  if (size === 8) return view.getBigUint64(at, true);
  if (size === 4) return BigInt(view.getUint32(at, true));
  return BigInt(size === 2 ? view.getUint16(at, true) : view.getUint8(at));
}
