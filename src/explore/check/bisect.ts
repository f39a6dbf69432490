/** Binary search for the smallest number that is enough. */

/** The smallest number from 0 to `most` that holds, where `most` does and whatever holds for a number holds above it. */
export async function leastThat(holds: (count: number) => boolean | Promise<boolean>, most: number): Promise<number> {
  let low = 0;
  let high = most;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (await holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
