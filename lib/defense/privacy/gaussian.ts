/** @file The exact price of the Gaussian mechanism without subsampling, against which the accountant's bound can be held. */
import { ensure, ensureCount } from "../../core/errors";
import { integrate } from "../../numerics/gaussLegendre";
import { millsRatio } from "../../numerics/normal";

/** T releases with Gaussian noise on the same records. */
export interface GaussianReleases {
  readonly noiseMultiplier: number; // sigma: the noise's standard deviation / sensitivity
  readonly steps: number; // T
  readonly delta: number; // in (0, 1)
}

/**
 * The exact epsilon of T releases with Gaussian noise on the same records: composed, they are one release with sigma / sqrt(T).
 *
 *     delta = Phi(-a) - e^epsilon Phi(-b),   a = epsilon s - 1 / (2s),  b = epsilon s + 1 / (2s),  s = sigma / sqrt(T)
 *
 * @param query noiseMultiplier: sigma, the noise's standard deviation / sensitivity, >= 0; steps: T; delta in (0, 1)
 * @returns epsilon >= 0, within 1e-12 of itself; Infinity for sigma = 0
 * @throws InputError when sigma is negative, T no positive integer, or delta outside (0, 1)
 * @example
 * gaussianEpsilon({ noiseMultiplier: 3, steps: 50, delta: 1e-5 }); // 12.262
 * @source Balle and Wang 2018, "Improving the Gaussian mechanism for differential privacy", theorem 8
 */
export function gaussianEpsilon(query: GaussianReleases): number {
  checkGaussian("gaussianEpsilon", query);
  const { noiseMultiplier, steps, delta } = query;
  const s = noiseMultiplier / Math.sqrt(steps);
  if (s < 1e-150) return Infinity; // no number holds 1 / s^2
  const isEnough = (epsilon: number): boolean => logDelta(epsilon, s) <= Math.log(delta);
  if (isEnough(0)) return 0;
  let [low, high] = [0, 1];
  while (!isEnough(high)) [low, high] = [high, 2 * high];
  while (high - low > 1e-15 * high) {
    const middle = (low + high) / 2;
    if (isEnough(middle)) high = middle;
    else low = middle;
  }
  return high;
}

/** log delta: with the density phi and Mills' ratio m, e^epsilon phi(b) = phi(a), and delta = phi(a) (m(a) - m(b)). */
function logDelta(epsilon: number, s: number): number {
  const width = 1 / s;
  const a = epsilon * s - width / 2;
  const logDensity = -(a ** 2) / 2 - Math.log(2 * Math.PI) / 2;
  if (a < -1) return Math.log1p(-Math.exp(logDensity) * (millsRatio(-a).ratio + millsRatio(a + width).ratio));
  if (width > 1) return logDensity + Math.log(millsRatio(a).ratio - millsRatio(a + width).ratio);
  return logDensity + Math.log(integrate((x) => millsRatio(x).slope, a, width)); // where m(a) and m(b) share their digits
}

/**
 * Refuses releases with Gaussian noise that cannot be accounted for.
 *
 * @param fn name of the public function that was called
 * @param query noiseMultiplier, steps and delta; see GaussianReleases
 * @throws InputError naming the field, what it needs and what it got
 * @example
 * checkGaussian("epsilonOf", { noiseMultiplier: 1, steps: 0, delta: 0.1 }); // throws "epsilonOf: needs an integer steps >= 1, got 0"
 */
export function checkGaussian(fn: string, query: GaussianReleases): void {
  ensure(typeof query === "object" && query !== null, fn, "needs a query with steps and delta", query);
  const { noiseMultiplier: sigma, steps, delta } = query;
  ensure(Number.isFinite(sigma) && sigma >= 0, fn, "needs a finite noiseMultiplier >= 0", sigma);
  ensureCount(fn, "steps", steps);
  ensure(typeof delta === "number" && delta > 0 && delta < 1, fn, "needs 0 < delta < 1", delta);
}
