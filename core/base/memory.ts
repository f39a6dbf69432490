/**
 * Bulk copies and fills. Another thread may have grown the memory a moment ago, and engines tell an instance of it only at its next
 * loop or call: until then instructions that compare with its size, as these do, trap on what is there already. So they wait for it.
 */

/** Times that the size is looked at: it comes within some microseconds, unless the address is none. */
const LOOKS: u32 = 1 << 24;

/** Whether this instance knows of the memory up to `end`. What never was memory is given up, and traps at its use. */
export function seeMemory(end: u64): bool {
  for (let look: u32 = 0; look < LOOKS; look++) if ((<u64>memory.size()) << 16 >= end) return true;
  return false;
}

export function fillBytes(address: usize, byte: u8, size: usize): void {
  seeMemory(<u64>address + <u64>size);
  memory.fill(address, byte, size);
}

export function moveBytes(destination: usize, source: usize, size: usize): void {
  seeMemory(<u64>max(destination, source) + <u64>size);
  memory.copy(destination, source, size);
}
