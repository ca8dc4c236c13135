/** @file What noise buys: Rényi accounting of the subsampled Gaussian mechanism, converted to (epsilon, delta). */
import { ensure, ensureCount } from "../core/errors";

/** How a step's batch is drawn, and with it what a neighbour is. */
export type Sampling =
  | "poisson" // every record by itself with probability q; neighbours differ by one record more or less
  | "withoutReplacement"; // a fixed number of records; neighbours differ by one record replaced

/** T releases of a sum with Gaussian noise, each on a batch of its own. */
export interface GaussianSteps {
  readonly noiseMultiplier: number; // sigma: the noise's standard deviation / how far a neighbour moves the sum (2-norm)
  readonly samplingRate: number; // q in (0, 1]; 1: the same records in every step
  readonly steps: number; // T
  readonly delta: number; // in (0, 1)
  readonly sampling?: Sampling; // default "poisson"
}

/** 1.1, 1.2 .. 10.9, 11 .. 63 and four more: the orders over which the accountant of dp-accounting minimises. */
const orders: readonly number[] = [
  ...Array.from({ length: 99 }, (_, i) => 1 + (i + 1) / 10),
  ...Array.from({ length: 53 }, (_, i) => 11 + i),
  ...[128, 256, 512, 1024],
];

/**
 * The privacy budget that T steps of the subsampled Gaussian mechanism spend.
 *
 *     epsilon = min over orders a of  T r(a) + log(1 - 1/a) - (log delta + log a) / (a - 1),   at least 0
 *     r(a) = log A(a) / (a - 1),   A(a) = E[((1 - q) + q exp((2z - 1) / (2 sigma^2)))^a],  z ~ N(0, sigma^2)    ("poisson")
 *     A(a) <= 1 + q^2 C(a,2) min(4 (e^x2 - 1), 2 e^x2) + sum_{j=3..a} 2 q^j C(a,j) e^xj,  xj = j (j - 1) / (2 sigma^2)
 *                                                                                               ("withoutReplacement")
 *     r(a) = a / (2 sigma^2)                                                                    (q = 1)
 *
 * @param query sigma >= 0, q, T, delta and the sampling; see GaussianSteps
 * @returns epsilon >= 0; Infinity for sigma = 0, which protects nothing. It is an upper bound: at q = 1 and delta <= 1e-5 up to
 *   13 % above gaussianEpsilon while sigma / sqrt(T) is at most 16, more above, where the best order is larger than any of ours
 * @throws InputError when sigma is negative, q outside (0, 1], T no positive integer, or delta outside (0, 1)
 * @example
 * epsilonOf({ noiseMultiplier: 1, samplingRate: 0.01, steps: 1000, delta: 1e-5 }); // 2.101
 * epsilonOf({ noiseMultiplier: 0, samplingRate: 0.01, steps: 1000, delta: 1e-5 }); // Infinity
 * @source Mironov, Talwar and Zhang 2019 (A for Poisson sampling); Wang, Balle and Kasiviswanathan 2019, theorem 9 (without
 * replacement); Balle et al. 2020 and Canonne, Kamath and Steinke 2020 (conversion). For orders between integers we integrate
 * A numerically where Mironov et al. have a series, which at low orders converges too slowly to be used. Without replacement
 * they take the next integer's bound, as r grows with a; theorem 27, tighter by up to a third at middling q, is left out
 */
export function epsilonOf(query: GaussianSteps): number {
  const { noiseMultiplier, delta } = query;
  checkSteps("epsilonOf", query);
  ensure(
    Number.isFinite(noiseMultiplier) && noiseMultiplier >= 0,
    "epsilonOf",
    "needs a finite noiseMultiplier >= 0",
    noiseMultiplier,
  );
  if (noiseMultiplier < 1e-150) return Infinity; // no number holds the square of a shift of so many standard deviations
  return Math.min(...orders.map((a) => convert(a, query.steps * renyi(a, query), delta)));
}

/**
 * The least noise with which T steps stay within a privacy budget; the inverse of epsilonOf, by bisection.
 *
 * @param query epsilon > 0, the budget; the rest as in GaussianSteps
 * @returns sigma, 1e-6 above the least at most, so that epsilonOf of it is within the budget
 * @throws InputError as epsilonOf, and when epsilon is not finite or not above 0
 * @example
 * noiseFor({ epsilon: 1, samplingRate: 0.01, steps: 1000, delta: 1e-5 }); // 1.5131
 */
export function noiseFor({ epsilon, ...steps }: { epsilon: number } & Omit<GaussianSteps, "noiseMultiplier">): number {
  ensure(Number.isFinite(epsilon) && epsilon > 0, "noiseFor", "needs a finite epsilon > 0", epsilon);
  checkSteps("noiseFor", steps);
  const isEnough = (noiseMultiplier: number): boolean => epsilonOf({ ...steps, noiseMultiplier }) <= epsilon;
  let [low, high] = [1, 1];
  while (!isEnough(high)) high *= 2;
  while (isEnough(low)) low /= 2;
  while (high > low * (1 + 1e-6)) {
    const middle = Math.sqrt(low * high);
    if (isEnough(middle)) high = middle;
    else low = middle;
  }
  return high;
}

function checkSteps(fn: string, query: Omit<GaussianSteps, "noiseMultiplier">): void {
  const { samplingRate: q, steps, delta, sampling = "poisson" } = query;
  ensure(["poisson", "withoutReplacement"].includes(sampling), fn, "needs sampling of poisson, withoutReplacement", sampling); // prettier-ignore
  ensure(q > 0 && q <= 1, fn, "needs 0 < samplingRate <= 1", q);
  ensureCount(fn, "steps", steps);
  ensure(delta > 0 && delta < 1, fn, "needs 0 < delta < 1", delta);
}

/** The epsilon that a Rényi divergence of that order stands for. */
function convert(order: number, divergence: number, delta: number): number {
  // A total variation of at most delta needs no epsilon: TV^2 <= 1 - exp(-KL), and KL is at most the divergence.
  if (-Math.expm1(-divergence) <= delta ** 2) return 0;
  return Math.max(0, divergence + Math.log1p(-1 / order) - (Math.log(delta) + Math.log(order)) / (order - 1));
}

/** r(a), the Rényi divergence of one step. */
function renyi(
  order: number,
  { samplingRate: q, noiseMultiplier: sigma, sampling = "poisson" }: GaussianSteps,
): number {
  const whole = order / (2 * sigma ** 2);
  if (q === 1) return whole;
  if (sampling === "withoutReplacement") {
    const integer = Math.ceil(order);
    return Math.min(whole, logMomentWithoutReplacement(q, sigma, integer) / (integer - 1));
  }
  const logMoment = Number.isInteger(order) ? logMomentOfInteger(q, sigma, order) : logMomentBetween(q, sigma, order);
  return Math.max(0, logMoment) / (order - 1); // A >= 1; an integral of 1 may come out 1e-16 below
}

/** log A(a) of Poisson sampling for an integer a: by the binomial theorem, less the binomial weights themselves, which sum to 1. */
function logMomentOfInteger(q: number, sigma: number, order: number): number {
  return logOnePlusSum(order, (j) => {
    const x = (j * (j - 1)) / (2 * sigma ** 2);
    return j * Math.log(q) + (order - j) * Math.log1p(-q) + x + Math.log(-Math.expm1(-x)); // log(e^x - 1), x large or small
  });
}

function logMomentWithoutReplacement(q: number, sigma: number, order: number): number {
  return logOnePlusSum(order, (j) => {
    const x = (j * (j - 1)) / (2 * sigma ** 2);
    const twice = Math.LN2 + x;
    const bound = j === 2 ? Math.min(2 * Math.LN2 + x + Math.log(-Math.expm1(-x)), twice) : twice;
    return j * Math.log(q) + bound;
  });
}

/** log(1 + sum over j = 2..n of C(n, j) exp(term(j))). */
function logOnePlusSum(n: number, term: (j: number) => number): number {
  const logs = [0];
  let logChoose = Math.log(n);
  for (let j = 2; j <= n; j++) {
    logChoose += Math.log(n - j + 1) - Math.log(j);
    logs.push(logChoose + term(j));
  }
  const largest = Math.max(...logs);
  if (largest === 0) return Math.log1p(logs.slice(1).reduce((sum, x) => sum + Math.exp(x), 0));
  return logSum(logs);
}

/**
 * log A(a) of Poisson sampling by the trapezoidal rule, for 1 < a < 11.
 *
 * With u = z / sigma the integrand is at most 2^a times the larger of two Gaussians of width 1, around 0 and around a / sigma:
 * nine widths about both leave out 1e-15 of it. Between them it bends over a length of sigma; where sigma is small, that is
 * far from both.
 */
function logMomentBetween(q: number, sigma: number, order: number): number {
  const [reach, second] = [9, order / sigma];
  const step = Math.min(0.1, Math.max(sigma, 0.03) / 4);
  const windows = second < 2 * reach ? [[-reach, second + reach]] : [[-reach, reach], [second - reach, second + reach]]; // prettier-ignore
  const [logOut, logIn] = [Math.log1p(-q), Math.log(q)];
  const logs: number[] = [];
  for (const [from, to] of windows as [number, number][]) {
    const count = Math.ceil((to - from) / step);
    for (let i = 0; i <= count; i++) {
      const u = from + i * step;
      const taken = logIn + u / sigma - 1 / (2 * sigma ** 2);
      const logRatio = Math.max(logOut, taken) + Math.log1p(Math.exp(-Math.abs(logOut - taken)));
      logs.push(order * logRatio - u ** 2 / 2);
    }
  }
  return logSum(logs) + Math.log(step) - Math.log(2 * Math.PI) / 2;
}

/** log sum exp; infinite terms make it infinite. */
function logSum(logs: readonly number[]): number {
  const largest = logs.reduce((a, b) => Math.max(a, b), -Infinity);
  return largest === Infinity ? Infinity : largest + Math.log(logs.reduce((sum, x) => sum + Math.exp(x - largest), 0));
}
