/** @file Min-Max (AGR-agnostic: it needs not know the rule), which stays as near to the honest updates as they are to one another. */
import { honestOf, meanOf, stdOf } from "./honest";
import { checkedPoisoning, signOf, type PoisoningParameters } from "./poisoning";

const UPPER = 5; // the search begins with gamma in [0, UPPER]
const WIDTH = 0.01; // and ends when the interval is as narrow

/** What the rule does where its parameters are left out; the paper says "default parameters" and states none: our choice. */
const defaults = {
  direction: "minus", // as the paper of the rule
} as const satisfies PoisoningParameters;

/**
 * Goes as far from the honest mean as no filter of distances can tell: no further from any honest update than the two of them that
 * are farthest apart.
 *
 * poisoned = mean ± gamma std,  gamma = minMaxGamma(honestUpdates)
 *
 * Knows the honest updates; several malicious clients send the same. Reads direction ("minus" by default, as in the paper of the
 * rule). It throws an InputError when the direction is neither, or honestUpdates are fewer than 2, of another length, or not finite.
 *
 * @example
 * const honestUpdates = [Float32Array.of(0), Float32Array.of(2), Float32Array.of(4)];
 * const context = { parameters: {}, numClients: 4, numMalicious: 1, honestUpdates, inputShape: [1, 4, 4], numClasses: 3 };
 * minMax.poisonUpdate(Float32Array.of(9), context, rng); // [0.0078]; 2 - 2 gamma, and at gamma = 1 it is as far from 4 as 0 is
 * @source Shejwalkar and Houmansadr 2021; the search for gamma as in Blades
 */
export const minMax = checkedPoisoning({
  name: "minMax",
  label: "Min-Max",
  source: "Shejwalkar and Houmansadr 2021",
  knows: "honest",
  reads: ["direction"],
  defaults,
  poisonUpdate(own, context) {
    const sign = signOf("minMax", { ...defaults, ...context.parameters }.direction);
    const honest = honestOf("minMax", own, context, 2);
    const mean = meanOf(honest);
    const std = stdOf(honest, mean);
    const gamma = gammaOf(honest, mean, std, sign);
    return Float32Array.from(mean, (x, j) => x + sign * gamma * std[j]!);
  },
});

/**
 * How far minMax goes, in standard deviations: the largest gamma in [0, 5] that the bound allows, to 0.01 from below.
 *
 *     max_i |mean ± gamma std - honest_i| <= max_ij |honest_i - honest_j|
 *
 * Bisection, on three numbers for each honest update: the left side squared is |mean - honest_i|² ± 2 gamma <mean - honest_i, std>
 * + gamma² |std|².
 *
 * @param honest [h][d], h >= 2, finite
 * @param direction "minus" by default
 * @returns gamma, in [0, 5)
 * @throws InputError when the direction is neither
 * @example
 * minMaxGamma([Float32Array.of(0), Float32Array.of(2), Float32Array.of(4)]); // 0.996; at 1 the poisoned update is 0, as far from 4 as the bound allows
 * @source Shejwalkar and Houmansadr 2021
 */
export function minMaxGamma(honest: readonly Float32Array[], direction: "plus" | "minus" = "minus"): number {
  const mean = meanOf(honest);
  return gammaOf(honest, mean, stdOf(honest, mean), signOf("minMaxGamma", direction));
}

/** The largest gamma that the bound allows, by bisection. */
function gammaOf(honest: readonly Float32Array[], mean: Float64Array, std: Float64Array, sign: number): number {
  const largest = Math.max(...honest.flatMap((a, i) => honest.slice(i + 1).map((b) => squaredDistance(a, b))));
  const fromMean = honest.map((update) => {
    let [square, along] = [0, 0];
    for (let j = 0; j < mean.length; j++) {
      const difference = mean[j]! - update[j]!;
      square += difference * difference;
      along += difference * std[j]!;
    }
    return { square, along: sign * along };
  });
  const stdSquare = std.reduce((sum, x) => sum + x * x, 0);
  const fits = (gamma: number): boolean =>
    fromMean.every(({ square, along }) => square + 2 * gamma * along + gamma * gamma * stdSquare <= largest);
  let [low, high] = [0, UPPER];
  while (high - low > WIDTH) {
    const middle = (low + high) / 2;
    if (fits(middle)) low = middle;
    else high = middle;
  }
  return low;
}

function squaredDistance(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let j = 0; j < a.length; j++) sum += (a[j]! - b[j]!) ** 2;
  return sum;
}
