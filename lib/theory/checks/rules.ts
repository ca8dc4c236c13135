/** @file Rules that look at the noise, lines (19) and (21), among malicious updates on random instances. */
import type { Rng } from "../../core/rng";
import { dispersionOf } from "../bound";
import type { Clients } from "../clients";
import { drawGradients, logUniform, type Instance } from "../instances";
import { pathwiseBound } from "../progress";
import { objectiveGapAt } from "../quadratic";
import { krumSpread, medianSpread, ruleError } from "../spread";
import { combination, plus, squaredDistance, squaredNorm, unitVector, type Vector } from "../vectors";
import type { Check, Checks } from "./line";

/** Arbitrary updates of malicious clients: far away, or a little beyond the honest ones. */
function drawMalicious(count: number, gradient: Vector, rng: Rng): number[][] {
  const reach = logUniform(0.1, 1000, rng) * Math.sqrt(squaredNorm(gradient));
  return Array.from({ length: count }, () => plus(gradient, reach, unitVector(gradient.length, rng)));
}

/**
 * Coordinate-wise median; of an even number the mean of the middle two.
 *
 * @param updates at least one [n][d]
 * @returns a new vector [d]
 * @example
 * medianOf([[1, 5], [2, 0], [6, 4]]); // [2, 4]
 */
export function medianOf(updates: readonly Vector[]): number[] {
  return updates[0]!.map((_, j) => {
    const column = updates.map((u) => u[j]!).sort((a, b) => a - b);
    const half = (column.length - 1) / 2;
    return (column[Math.floor(half)]! + column[Math.ceil(half)]!) / 2;
  });
}

/** Krum's choice: least sum of squared distances to its n - f - 2 nearest. */
function krumOf(updates: readonly Vector[], f: number): Vector {
  const scores = updates.map((u, i) => {
    const distances = updates.filter((_, j) => j !== i).map((other) => squaredDistance(u, other)); // prettier-ignore
    return distances.sort((a, b) => a - b).slice(0, updates.length - f - 2).reduce((sum, value) => sum + value, 0); // prettier-ignore
  });
  return updates[scores.indexOf(Math.min(...scores))]!;
}

/** A rule among malicious updates, in one draw: its distance from the honest mean, and where the step by it ends. */
function drawRule(instance: Instance, f: number, rng: Rng, rule: (updates: readonly Vector[]) => Vector) {
  const { quadratic, weights, gradient, round } = instance;
  const honest = drawGradients(instance, rng.split("noise")).slice(f);
  const u = rule([...drawMalicious(f, gradient, rng), ...honest]);
  const gap = objectiveGapAt(quadratic, plus(weights, -round.learningRate, u));
  return { distance: squaredDistance(u, combination(honest)), dispersion: dispersionOf(honest), gap, honest };
}

/** A rule of line (21): the most malicious updates it bears among n, how far they can lead it, and what it does. */
interface SpreadRule {
  most(this: void, n: number): number;
  spread(this: void, n: number, f: number): number;
  run(this: void, updates: readonly Vector[], f: number): Vector;
}

const median: SpreadRule = { most: (n) => Math.ceil(n / 2) - 1, spread: medianSpread, run: medianOf };
const krum: SpreadRule = { most: (n) => Math.floor((n - 3) / 2), spread: krumSpread, run: krumOf };

/** Line (21) alone, and line (19) with the rule's error from it, V_H and the honest mean being those of the draw. */
function checksOf(rule: SpreadRule): [distance: Check, progress: Check] {
  const draw = (instance: Instance, rng: Rng) => {
    const n = instance.clients.biases.length;
    const f = rng.integer(rule.most(n) + 1);
    return { ...drawRule(instance, f, rng, (updates) => rule.run(updates, f)), spread: rule.spread(n, f) };
  };
  const shared = { group: "any rule", holds: "in every draw" } as const;
  return [
    {
      ...shared,
      line: "(21)",
      compare(instance, rng) {
        const { distance, dispersion, spread } = draw(instance, rng);
        return { smaller: distance, larger: spread * dispersion };
      },
    },
    {
      ...shared,
      line: "(19)",
      compare(instance, rng) {
        const { gap, honest, spread } = draw(instance, rng);
        const error = ruleError(spread, lawOfDraw(honest, instance.gradient));
        return { smaller: gap, larger: pathwiseBound(error, instance.round) };
      },
    },
  ];
}

const [medianDistance, medianProgress] = checksOf(median);
const [krumDistance, krumProgress] = checksOf(krum);

/** A draw taken as a population without noise: its own biases around grad F. */
const lawOfDraw = (gradients: readonly Vector[], gradient: Vector): Clients => ({
  biases: gradients.map((g) => plus(g, -1, gradient)),
  samplingStd: 0,
});

/** What any updates of f malicious clients can do under the median and under Krum. */
export const ruleChecks: Checks = {
  "median's distance, f malicious": medianDistance,
  "median's progress, f malicious": medianProgress,
  "Krum's distance, f malicious": krumDistance,
  "Krum's progress, f malicious": krumProgress,
};
