/** Chains of objects, each linked to the next by its first word. */

/** Whether an object is in a chain. */
export function chainContains(first: usize, object: usize): bool {
  let each = first;
  while (each != 0 && each != object) each = load<u32>(each);
  return each != 0;
}

export function chainLength(first: usize): u32 {
  let length: u32 = 0;
  for (let object = first; object != 0; object = load<u32>(object)) length++;
  return length;
}
