/** @file How many labels are right by chance. */

/**
 * The share of labels that are right, as counts by class, where each is guessed uniformly.
 *
 * E sum_c min(n_c, B_c) / N,  B_c binomial of N guesses with probability 1 / K
 *
 * @param labels N true ones
 * @param numClasses K
 * @returns in [0, 1]
 * @example
 * labelFloor([0], 10); // 0.1
 * labelFloor([0, 1], 2); // 0.75; both right in half of the cases, one in the other half
 */
export function labelFloor(labels: ArrayLike<number>, numClasses: number): number {
  const n = labels.length;
  const counts = new Map<number, number>();
  for (const label of Array.from(labels)) counts.set(label, (counts.get(label) ?? 0) + 1);
  const chances = binomial(n, 1 / numClasses);
  let right = 0;
  for (const count of counts.values()) chances.forEach((chance, b) => (right += chance * Math.min(count, b)));
  return right / n;
}

/** Chances of 0..n successes in n trials. */
function binomial(n: number, p: number): number[] {
  let chances = [1];
  for (let i = 0; i < n; i++)
    chances = Array.from({ length: i + 2 }, (_, k) => (chances[k] ?? 0) * (1 - p) + (chances[k - 1] ?? 0) * p);
  return chances;
}
