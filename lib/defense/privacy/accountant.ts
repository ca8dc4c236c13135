/** @file What noise buys: Rényi accounting of the subsampled Gaussian mechanism, converted to (epsilon, delta). */
import { ensure } from "../../core/errors";
import { checkGaussian, gaussianEpsilon } from "./gaussian";
import { divergenceOf, truncatedDivergenceOf, type Sampling } from "./renyi";

/** T releases of a sum with Gaussian noise, each on a batch of its own. */
export interface GaussianSteps {
  /** sigma: the noise's standard deviation / how far a neighbour moves the sum (2-norm). */
  readonly noiseMultiplier: number;
  /** q in (0, 1]; 1: the same records in every step. */
  readonly samplingRate: number;
  /** T, steps that add noise. */
  readonly steps: number;
  /** In (0, 1), at which epsilon is given. */
  readonly delta: number;
  /** Default "poisson". */
  readonly sampling?: Sampling;
  /** Default "tightest". */
  readonly accounting?: Accounting;
}

/** Which bound on epsilon: the Rényi accountant's, which most tools print, or the tightest that is proved here. */
export type Accounting = "tightest" | "renyi";

/** Orders 2 % apart, counted in a - 1: over them the minimum is found to 5e-5 of itself. */
const dense: readonly number[] = Array.from({ length: 4800 }, (_, i) => 1 + 1e-11 * 1.02 ** i);

/** Those of dp-accounting where it has any, 1.1 to 1,024, so both print the same number; below and above them the dense ones. */
const customary: readonly number[] = [
  ...dense.filter((a) => a < 1.1),
  ...Array.from({ length: 99 }, (_, i) => 1 + (i + 1) / 10),
  ...Array.from({ length: 53 }, (_, i) => 11 + i),
  ...[128, 256, 512, 1024],
  ...dense.filter((a) => a > 1024),
];

/**
 * The privacy budget that T steps of the subsampled Gaussian mechanism spend.
 *
 *     epsilon = min over orders a > 1 of  T r(a) + log(1 - 1/a) - (log delta + log a) / (a - 1),   at least 0
 *     epsilon = 0 where  sqrt(1 - exp(-T r(a))) <= delta  for an order a
 *
 * with the Rényi divergence r(a) of one step, see divergenceOf. That is what most tools print (accounting: "renyi").
 * There are tighter ones, of which and the above the smallest is taken:
 *
 *     one step, Poisson:   log(1 + q (e^eps1 - 1)),  eps1 the exact epsilon at q = 1 and delta / q; at least min(-log(1 - q), the bound above)
 *     else:       the same bound with r'(a) and 0.9 delta, where 0.1 delta is given up, see truncatedDivergenceOf
 *
 * The bound above is of no use where q is tiny: no order far above 2 sigma^2 log(1 / q) has a divergence worth the name, so it
 * stays near log(1 / delta) over that order. At q = 1e-8, sigma = T = 1, delta = 1e-12 it is 0.64, and epsilon is 4.39e-7.
 *
 * @param query sigma >= 0, q, T, delta and the sampling; see GaussianSteps
 * @returns epsilon >= 0; Infinity for sigma = 0, which protects nothing; 0 only where the two outputs are within delta of each other.
 *   It is an upper bound, at q = 1 mostly within 13 % of gaussianEpsilon; of one Poisson-sampled step it is exact where it is above
 *   -log(1 - q)
 * @throws InputError when sigma is negative, q outside (0, 1], T no positive integer, or delta outside (0, 1)
 * @example
 * epsilonOf({ noiseMultiplier: 1, samplingRate: 0.01, steps: 1000, delta: 1e-5 }); // 2.077
 * epsilonOf({ noiseMultiplier: 0, samplingRate: 0.01, steps: 1000, delta: 1e-5 }); // Infinity
 * @source Mironov 2017 (composition); Balle et al. 2020 and Canonne, Kamath and Steinke 2020 (conversion); Balle, Barthe and
 *   Gaboardi 2018, theorem 8 (one step); divergenceOf has its own
 */
export function epsilonOf(query: GaussianSteps): number {
  checkGaussian("epsilonOf", query);
  checkSampling("epsilonOf", query);
  const { noiseMultiplier: sigma, samplingRate: q, steps, delta, sampling = "poisson", accounting } = query;
  if (sigma < 1e-150) return Infinity; // no number holds the square of a shift of so many standard deviations
  const isWithin = (order: number): boolean => order <= Math.max(2, 1e9 * sigma);
  const orders = (sampling === "poisson" ? customary : dense).filter(isWithin);
  const divergence = (order: number): number => steps * divergenceOf(order, q, sigma, sampling);
  // A total variation of at most delta needs no epsilon: TV^2 <= 1 - exp(-KL), and KL is at most the divergence of any order.
  if (Math.log(-Math.expm1(-divergence(orders[0]!))) <= 2 * Math.log(delta)) return 0;
  const plain = converted(orders, divergence, delta);
  if (accounting === "renyi" || q === 1) return plain;
  if (steps === 1 && sampling === "poisson") return Math.min(plain, ofOneStep(q, sigma, delta, plain));
  const lost = (givenUp * delta) / steps;
  const truncated = (order: number): number => steps * truncatedDivergenceOf(order, q, sigma, sampling, lost);
  return Math.min(plain, converted(dense.filter(isWithin), truncated, (1 - givenUp) * delta));
}

const givenUp = 0.1; // of delta, for the outcomes of large likelihood ratio

/** The least epsilon over orders of a divergence, at least 0. */
function converted(orders: readonly number[], divergence: (order: number) => number, delta: number): number {
  const epsilonAt = (a: number): number =>
    divergence(a) + Math.log1p(-1 / a) - (Math.log(delta) + Math.log(a)) / (a - 1);
  return Math.max(0, least(orders, epsilonAt));
}

/** Removing a record: exactly. Adding one: no likelihood ratio is above 1 / (1 - q), and the bound holds for both. */
function ofOneStep(q: number, sigma: number, delta: number, bound: number): number {
  const whole = delta >= q ? 0 : gaussianEpsilon({ noiseMultiplier: sigma, steps: 1, delta: delta / q });
  const removing = whole > 700 ? whole + Math.log(q) : Math.log1p(q * Math.expm1(whole));
  return Math.max(removing, Math.min(-Math.log1p(-q), bound));
}

/**
 * The least f over ascending orders. f falls, then rises: times a - 1 it is convex, as (a - 1) log(a - 1) - a log a and (a - 1) r(a) are.
 */
function least(orders: readonly number[], f: (order: number) => number): number {
  const known = new Map<number, number>();
  const at = (i: number): number => known.get(i) ?? known.set(i, f(orders[i]!)).get(i)!;
  let [from, to] = [0, orders.length - 1];
  while (to - from > 2) {
    const part = Math.floor(0.382 * (to - from)); // of a golden section, whose points are used again
    const [left, right] = [from + part, to - part];
    if (at(left) <= at(right)) to = right;
    else from = left;
  }
  return Math.min(at(from), at(to), at(Math.floor((from + to) / 2)));
}

/**
 * The least noise with which T steps stay within a privacy budget; the inverse of epsilonOf, by bisection.
 *
 * @param query epsilon > 0, the budget; the rest as in GaussianSteps
 * @returns sigma, 1e-6 above the least at most, so epsilonOf of it is within the budget
 * @throws InputError as epsilonOf, and when epsilon is not finite or not above 0
 * @example
 * noiseFor({ epsilon: 1, samplingRate: 0.01, steps: 1000, delta: 1e-5 }); // 1.5131
 */
export function noiseFor(query: { epsilon: number } & Omit<GaussianSteps, "noiseMultiplier">): number {
  checkGaussian("noiseFor", { ...query, noiseMultiplier: 1 });
  checkSampling("noiseFor", query);
  const { epsilon, ...steps } = query;
  ensure(Number.isFinite(epsilon) && epsilon > 0, "noiseFor", "needs a finite epsilon > 0", epsilon);
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

function checkSampling(fn: string, query: Pick<GaussianSteps, "samplingRate" | "sampling" | "accounting">): void {
  const { samplingRate: q, sampling = "poisson", accounting = "tightest" } = query;
  ensure(typeof q === "number" && q > 0 && q <= 1, fn, "needs 0 < samplingRate <= 1", q);
  ensure(["poisson", "withoutReplacement"].includes(sampling), fn, "needs sampling of poisson, withoutReplacement", sampling); // prettier-ignore
  ensure(["tightest", "renyi"].includes(accounting), fn, "needs accounting of tightest, renyi", accounting);
}
