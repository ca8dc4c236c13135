/** @file How much the median of normal numbers varies. */
import { ensure, ensureCount } from "../core/errors";

/**
 * The variance of the median of n independent standard normals, by numerical integration.
 *
 * @param n how many, an integer of 1..1000; for even n the median is the mean of the middle two
 * @returns the variance, to six digits; at most π/(2 n), and that for large n
 * @throws InputError when n is no integer of 1..1000
 * @example
 * medianVariance(3); // 0.44867; 1 - sqrt(3)/π; the mean has a third
 * @source density of order statistics, e.g. David and Nagaraja 2003, Order Statistics, chapter 2
 */
export function medianVariance(n: number): number {
  ensureCount("medianVariance", "n", n);
  ensure(n <= 1000, "medianVariance", "needs n <= 1000", n, "use π/(2 n)");
  const step = 1 / 400;
  const grid = Array.from({ length: 16 / step + 1 }, (_, i) => -8 + i * step);
  const phi = grid.map((x) => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI));
  const below: number[] = [0]; // the normal distribution function, by the trapezoid rule
  for (let i = 1; i < grid.length; i++) below.push(below[i - 1]! + (step * (phi[i - 1]! + phi[i]!)) / 2);
  const k = Math.floor((n - 1) / 2); // values certainly below the median, and as many above
  const under = (i: number): number => (2 * below[i]!) ** k * phi[i]!;
  const over = (i: number): number => (2 * below[grid.length - 1 - i]!) ** k;
  let [mass, second] = [0, 0];
  if (n % 2 === 1) {
    grid.forEach((x, i) => {
      const density = under(i) * over(i);
      mass += density;
      second += density * x * x;
    });
    return second / mass;
  }
  // Middle pair x < y with density under(x) over(y) phi(y): moments of y are summed from the right as x moves left.
  let [zeroth, first, squares] = [0, 0, 0];
  for (let i = grid.length - 1; i >= 0; i--) {
    const x = grid[i]!;
    const density = over(i) * phi[i]!;
    const half = density / 2; // the diagonal belongs half to y > x
    const [m0, m1, m2] = [zeroth + half, first + half * x, squares + half * x * x];
    mass += under(i) * m0;
    second += (under(i) * (x * x * m0 + 2 * x * m1 + m2)) / 4;
    [zeroth, first, squares] = [zeroth + density, first + density * x, squares + density * x * x];
  }
  return second / mass;
}
