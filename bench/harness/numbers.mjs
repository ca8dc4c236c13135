/** @file A comparison of times means nothing where the two sides do not compute the same. */

/**
 * Refuses a difference above its tolerance.
 * @param name of the benchmark
 * @param off side -> quantity -> relative differences
 * @param tolerance quantity -> largest relative difference
 * @returns quantity -> the largest difference over all sides
 */
export function checkNumbers(name, off, tolerance) {
  const largest = {};
  for (const [side, quantities] of Object.entries(off)) {
    for (const [quantity, differences] of Object.entries(quantities)) {
      const worst = Math.max(...differences);
      if (!(worst <= tolerance[quantity]))
        throw new Error(
          `${name}: ${quantity} differs from PyTorch's (${side}) by ${worst}, more than ${tolerance[quantity]}`,
        );
      largest[quantity] = Math.max(largest[quantity] ?? 0, worst);
    }
  }
  return largest;
}
