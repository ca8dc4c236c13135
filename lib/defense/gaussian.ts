/** @file The exact price of the Gaussian mechanism without subsampling, against which the accountant's bound can be held. */
import { jStat } from "jstat";
import { ensure, ensureCount } from "../core/errors";

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
export function gaussianEpsilon(query: { noiseMultiplier: number; steps: number; delta: number }): number {
  const { noiseMultiplier, steps, delta } = query;
  const fn = "gaussianEpsilon";
  ensure(
    Number.isFinite(noiseMultiplier) && noiseMultiplier >= 0,
    fn,
    "needs a finite noiseMultiplier >= 0",
    noiseMultiplier,
  );
  ensureCount(fn, "steps", steps);
  ensure(delta > 0 && delta < 1, fn, "needs 0 < delta < 1", delta);
  const s = noiseMultiplier / Math.sqrt(steps);
  if (s === 0) return Infinity;
  if (deltaOf(0, s) <= delta) return 0;
  let [low, high] = [0, 1];
  while (deltaOf(high, s) > delta) [low, high] = [high, 2 * high];
  while (high - low > 1e-12 * high) {
    const middle = (low + high) / 2;
    if (deltaOf(middle, s) > delta) low = middle;
    else high = middle;
  }
  return high;
}

/** With the normal density phi and Mills' ratio m(x) = Phi(-x) / phi(x): e^epsilon phi(b) = phi(a), so that no power overflows. */
function deltaOf(epsilon: number, s: number): number {
  const [a, b] = [epsilon * s - 1 / (2 * s), epsilon * s + 1 / (2 * s)];
  const density = Math.exp(-(a ** 2) / 2) / Math.sqrt(2 * Math.PI);
  return a >= 0 ? density * (mills(a) - mills(b)) : 1 - density * (mills(-a) + mills(b));
}

/** Mills' ratio for x >= 0: from the error function, and by Laplace's continued fraction 1/(x + 1/(x + 2/(x + ...))) from 2 on. */
function mills(x: number): number {
  if (x < 2) return ((1 - jStat.erf(x / Math.SQRT2)) / 2) * Math.sqrt(2 * Math.PI) * Math.exp(x ** 2 / 2);
  let tail = x;
  for (let k = 100; k >= 1; k--) tail = x + k / tail;
  return 1 / tail;
}
