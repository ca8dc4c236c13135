/** @file How much means of ranked normal numbers vary: what coordinate-wise rules average. */
import { jStat } from "jstat";
import { ensure, ensureCount } from "../core/errors";

/**
 * The variance of the mean of n independent standard normals without the f lowest and the f highest. The most that can be left out
 * gives the median's, f = floor((n - 1)/2).
 *
 * Given the two nearest that are left out, a below and b above, the m = n - 2f between them are independent draws of a normal cut off
 * at a and b, so the variance is E[var(a, b)/m + mean(a, b)^2] over
 *
 *     density(a, b) ~ Phi(a)^(f-1) phi(a) (Phi(b) - Phi(a))^m phi(b) (1 - Phi(b))^(f-1)
 *
 * @param n how many, an integer >= 1
 * @param f how many are left out on each side, an integer, 0 <= f < n/2
 * @returns the variance, right to 1e-9 of itself; 1/n for f = 0; from n = 1000 on that of 1000 with as large a share left out,
 *   times 1000/n, right to 1e-3
 * @throws InputError when n or f is out of range
 * @example
 * trimmedVariance(3, 1); // 0.44867; 1 - sqrt(3)/pi, the median of three
 * trimmedVariance(10, 3); // 0.12377
 * @source density of order statistics, e.g. David and Nagaraja 2003, Order Statistics, chapter 2; the integral is by the trapezoid rule,
 *   which converges fast for integrands that vanish on all sides
 */
export function trimmedVariance(n: number, f: number): number {
  ensureCount("trimmedVariance", "n", n);
  ensureCount("trimmedVariance", "f", f, 0);
  ensure(2 * f < n, "trimmedVariance", "needs f < n/2", `n = ${n}, f = ${f}`);
  if (f === 0) return 1 / n;
  if (n > most) return (trimmedVariance(most, Math.min(most / 2 - 1, Math.round((f * most) / n))) * most) / n;
  return cached(`${n} without ${f}`, () => integrateTrimmed(n, f));
}

/**
 * The variance of the mean of those `count` of n independent standard normals that are nearest to their median.
 *
 * Given the middle (x, or x < y for even n) and the distance t of the nearest that is left out, from the median c, the others within are
 * independent draws of normals cut off at c - t and the middle, and at the middle and c + t. How many there are on either side is summed over.
 *
 * @param n how many, an integer >= 1
 * @param count how many are averaged, an integer of 1..n; for even n at least 2, as the two in the middle are equally near
 * @returns the variance, right to 1e-5 of itself; 1/n for count = n; from n = 1000 on as trimmedVariance
 * @throws InputError when n or count is out of range
 * @example
 * nearestVariance(3, 1); // 0.44867; the median of three
 * nearestVariance(10, 7); // 0.18716; the median's is 0.13833
 * @source as trimmedVariance
 */
export function nearestVariance(n: number, count: number): number {
  ensureCount("nearestVariance", "n", n);
  const least = 2 - (n % 2);
  ensureCount("nearestVariance", "count", count, Math.min(n, least));
  ensure(count <= n, "nearestVariance", `needs a count of at most n = ${n}`, count);
  if (count === n) return 1 / n;
  if (n > most) return (nearestVariance(most, Math.max(2, Math.round((count * most) / n))) * most) / n;
  if (count === least) return trimmedVariance(n, (n - least) / 2);
  return cached(`${count} of ${n}`, () => integrateNearest(n, count));
}

const most = 1000; // numbers that are integrated over

const known = new Map<string, number>(); // a run asks for the same in every round

function cached(key: string, compute: () => number): number {
  const found = known.get(key) ?? compute();
  known.set(key, found);
  return found;
}

/** The variance of a trimmed mean, by integration over the innermost two of the values that are trimmed. */
function integrateTrimmed(n: number, f: number): number {
  const m = n - 2 * f;
  const mean = weightedMean();
  for (const a of around(n, f, 5)) {
    const below = logarithm(cumulative(a));
    for (const y of steps(Math.log(m / n) - 1 - 30 / (m + 1), Math.log(19), 160)) {
      const b = a + Math.exp(y);
      const inside = between(a, b);
      const outside = times(f - 1, below) + times(f - 1, logarithm(cumulative(-b)));
      mean.add(times(m, inside.log) + outside - (a * a + b * b) / 2 + y, inside.variance / m + inside.mean ** 2);
    }
  }
  return mean.value();
}

/** The variance of the mean nearest to the median, by integration over median, gap and the nearest value left out. */
function integrateNearest(n: number, count: number): number {
  const middle = 2 - (n % 2);
  const side = (n - middle) / 2; // on either side of the middle
  const others = count - middle; // of those that are averaged
  const [from, to] = [Math.max(0, others - side), Math.min(side - 1, others)]; // how many are below, if the nearest left out is
  const ways = Array.from({ length: to - from + 1 }, (_, at) => {
    const [j, i] = [from + at, others - from - at];
    return -logFactorial(j) - logFactorial(side - 1 - j) - logFactorial(i) - logFactorial(side - i);
  });
  const mean = weightedMean();
  const gaps = middle === 1 ? [-Infinity] : steps(-Math.log(n) - 10, Math.log(Math.min(19, 80 / n)), 36); // of the middle two
  const share = count / n;
  const reach: number = jStat.normal.inv((1 + share) / 2, 0, 1);
  const spread = (6 * Math.sqrt((share * (1 - share)) / n)) / density(reach);
  const least = Math.exp(Math.log(others / n) - 1 - 20 / (others + 1));
  const distances = steps(Math.log(Math.max(reach - spread, least)), Math.log(Math.min(19, reach + spread)), 44);
  for (const c of around(n, (n + 1) / 2, 2)) {
    for (const y of gaps) {
      const half = Math.exp(y) / 2;
      const [low, high] = [c - half, c + half];
      const inner = middle === 1 ? -(c * c) / 2 : y - (low * low + high * high) / 2;
      for (const z of distances) {
        const t = half + Math.exp(z);
        const [below, above] = [between(c - t, low), between(high, c + t)];
        const [lower, upper] = [logarithm(cumulative(c - t)), logarithm(cumulative(-c - t))];
        const log = inner + z - (c - t) ** 2 / 2;
        for (let j = from; j <= to; j++) {
          const i = others - j;
          const inside = times(j, below.log) + times(i, above.log);
          const outside = times(side - 1 - j, lower) + times(side - i, upper);
          const middleOf = (middle * c + j * below.mean + i * above.mean) / count;
          const varies = (j * below.variance + i * above.variance) / count ** 2;
          mean.add(log + ways[j - from]! + inside + outside, varies + middleOf ** 2);
        }
      }
    }
  }
  return mean.value();
}

/** sum of weight value / sum of weight, of weights that would leave the range of numbers: told by their logarithms. */
function weightedMean(): { add: (logWeight: number, value: number) => void; value: () => number } {
  let [largest, total, sum] = [-Infinity, 0, 0];
  return {
    add(logWeight, value) {
      if (logWeight > largest) {
        const shrink = Math.exp(largest - logWeight);
        [largest, total, sum] = [logWeight, total * shrink, sum * shrink];
      }
      const weight = logWeight === -Infinity ? 0 : Math.exp(logWeight - largest);
      total += weight;
      sum += weight * value;
    },
    value: () => sum / total,
  };
}

/** Where the r-th of n normals can be: so many points for each of its standard deviations, twelve to either side. */
function around(n: number, r: number, each: number): number[] {
  const share = r / (n + 1);
  const centre: number = jStat.normal.inv(share, 0, 1);
  const deviation = Math.sqrt((share * (1 - share)) / (n + 2)) / density(centre);
  return steps(centre - 12 * deviation, centre + 12 * deviation, 24 * each + 1).filter((x) => Math.abs(x) < 9.5);
}

/** Equally spaced points. */
function steps(from: number, to: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => from + ((to - from) * i) / (count - 1));
}

/** A standard normal cut off at both ends: the logarithm of how much of it there is, its mean and its variance. */
function between(a: number, b: number): { log: number; mean: number; variance: number } {
  const width = b - a;
  const mass = a > 0 ? cumulative(-a) - cumulative(-b) : cumulative(b) - cumulative(a);
  const middle = (a + b) / 2;
  if (width < 1e-4 || mass <= 0)
    return { log: logarithm(width * density(middle)), mean: middle, variance: width ** 2 / 12 };
  const mean = (density(a) - density(b)) / mass;
  return { log: Math.log(mass), mean, variance: 1 + (a * density(a) - b * density(b)) / mass - mean ** 2 };
}

function density(x: number): number {
  return Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
}

function cumulative(x: number): number {
  return Math.max(0, (1 + jStat.erf(x / Math.SQRT2)) / 2);
}

function logarithm(x: number): number {
  return x > 0 ? Math.log(x) : -Infinity;
}

/** exponent log x, where 0^0 is 1. */
function times(exponent: number, log: number): number {
  return exponent === 0 ? 0 : exponent * log;
}

function logFactorial(n: number): number {
  let sum = 0;
  for (let i = 2; i <= n; i++) sum += Math.log(i);
  return sum;
}
