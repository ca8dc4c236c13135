/** @file Rules that look at the noise: how far malicious updates can lead them. Lines are those of notebook 07_theorem_1. */
import { ensure, ensureCount } from "../core/errors";
import { countOf, type Clients } from "./clients";
import { combination, squaredDistance, squaredNorm } from "./vectors";

/**
 * How far the coordinate-wise median can lie from the honest mean: ||u - gbar_H||^2 <= n / (n - 2f) V_H.
 *
 * In each coordinate at least n/2 - f of the n - f honest values lie on the far side of the median, so Cantelli's
 * inequality bounds its distance from their mean in their variance. At f = 0: no farther than one standard deviation.
 *
 * @param numClients n
 * @param malicious f, how many updates are arbitrary, 0 <= f < n/2
 * @returns n / (n - 2f)
 * @throws InputError when n is no integer >= 1, or f is not in 0..n/2
 * @example
 * medianSpread(10, 2); // 1.667
 * @source our derivation, line (21)
 */
export function medianSpread(numClients: number, malicious: number): number {
  ensureCount("medianSpread", "numClients", numClients);
  ensureCount("medianSpread", "malicious", malicious, 0);
  ensure(2 * malicious < numClients, "medianSpread", "needs 2f < n", `n = ${numClients}, f = ${malicious}`);
  return numClients / (numClients - 2 * malicious);
}

/**
 * How far Krum's choice can lie from the honest mean: ||u - gbar_H||^2 <= spread V_H, whatever the f malicious updates are.
 *
 *     spread = (sqrt(2 h k / ((h - 1) (k - f))) + sqrt((h - (k - f)) / (k - f)))^2        h = n - f,  k = n - f - 2
 *
 * The score of the choice is at most the mean score of the honest; k - f of its neighbours at least are honest themselves.
 *
 * @param numClients n >= 2f + 3
 * @param malicious f: assumed by the rule, and at most as many in truth
 * @returns the spread; above 1: Krum's choice need not be near the mean
 * @throws InputError when n < 2f + 3, or a count is no integer
 * @example
 * krumSpread(10, 0); // 3.963; (sqrt(20/9) + sqrt(2/8))^2
 * @source our derivation, line (21); scores over n - f - 2 neighbours as in Blanchard et al. 2017
 */
export function krumSpread(numClients: number, malicious: number): number {
  ensureCount("krumSpread", "numClients", numClients);
  ensureCount("krumSpread", "malicious", malicious, 0);
  ensure(numClients >= 2 * malicious + 3, "krumSpread", "needs n >= 2f + 3", `n = ${numClients}, f = ${malicious}`);
  const honest = numClients - malicious;
  const neighbours = honest - 2;
  const sure = neighbours - malicious; // of them honest at least
  const near = Math.sqrt((2 * honest * neighbours) / ((honest - 1) * sure));
  return (near + Math.sqrt((honest - sure) / sure)) ** 2;
}

/**
 * Expected squared error of a rule of that spread, for pathwiseBound.
 *
 *     E ||u - grad F||^2 <= (sqrt(spread (σ^2 (1 - 1/h) + ζ_H^2)) + sqrt(σ^2/h + ||mean_H b||^2))^2
 *
 * @param spread of the rule, see medianSpread and krumSpread
 * @param honest the honest clients alone: their b_m (around grad F of all) and σ
 * @returns the bound
 * @throws InputError as honestMeanLaw, or when spread is negative
 * @example
 * ruleError(1, { biases: [[0], [0], [0], [0]], samplingStd: 2 }); // 7.464; (sqrt(3) + 1)^2
 * @source our derivation, line (21)
 */
export function ruleError(spread: number, honest: Clients): number {
  const count = countOf("ruleError", honest);
  ensure(spread >= 0 && Number.isFinite(spread), "ruleError", "needs a finite spread >= 0", spread);
  const { biases, samplingStd } = honest;
  const offset = combination(biases);
  const heterogeneity = biases.reduce((sum, b) => sum + squaredDistance(b, offset) / count, 0);
  const dispersion = samplingStd ** 2 * (1 - 1 / count) + heterogeneity;
  return (Math.sqrt(spread * dispersion) + Math.sqrt(samplingStd ** 2 / count + squaredNorm(offset))) ** 2;
}
