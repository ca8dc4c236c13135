/** @file Does local DP backfire? Federations from one start: without defense, with noise, with clipping and noise. */
import { ensure, ensureCount } from "../core/errors";
import type { Rng } from "../core/rng";
import { backfireRatio, dispersionOf } from "./bound";
import { directionOf, drawGradients, instanceAt } from "./instances";
import { biasesAt, objectiveGapAt, type Quadratic } from "./quadratic";
import { combination, normalVector, plus, squaredDistance, squaredNorm, type Vector } from "./vectors";

/** A defense's course, means over runs, round by round. */
export interface Course {
  /** Δ^(k), the objective gap of each round. */
  readonly gap: readonly number[];
  /** Squared error of a scale-free inversion, over contributors; at most 4. */
  readonly error: readonly number[];
}

/** Three courses, and the ratio of gaps from which the bound predicts that noise backfires. */
export interface Backfire {
  /** Without noise. */
  readonly clean: Course;
  /** With DP noise, not clipped. */
  readonly noise: Course;
  /** Noise of the same standard deviation, after clipping. */
  readonly clipped: Course;
  /** The ratio of gaps above which noise lowers the bound, line (12). */
  readonly threshold: number;
}

/** What is run. */
export interface BackfireOptions {
  /** The federation. */
  readonly quadratic: Quadratic;
  /** w^(0) [d]. */
  readonly start: Vector;
  /** η, the step size. */
  readonly learningRate: number;
  /** σ, of the sampling noise, over the whole vector. */
  readonly samplingStd: number;
  /** s, per coordinate and client. */
  readonly dpStd: number;
  /** C > 0. */
  readonly clipNorm: number;
  /** K >= 1. */
  readonly rounds: number;
  /** Over which courses are averaged, >= 1. */
  readonly runs: number;
}

/**
 * Runs a federation without DP, with DP noise, and with clipping and the same noise.
 *
 * The inversion is scale-free: the secret of a client is the direction of its gradient, which clipping leaves as it is.
 *
 * @param options see BackfireOptions
 * @param rng where the noise comes from; depends on its key alone
 * @returns the three courses
 * @throws InputError when rounds or runs is no integer >= 1, or clipNorm is not > 0
 * @example
 * const quadratic = drawQuadratic({ dimension: 2, numClients: 3, conditionNumber: 1 }, createRng(1));
 * const noises = { samplingStd: 1, dpStd: 1, clipNorm: 1 };
 * const options = { quadratic, start: [5, 5], learningRate: 0.1, ...noises, rounds: 2, runs: 1 };
 * compareBackfire(options, createRng(1)).threshold; // 2; 1 + 2 / (3 * 2/3)
 * @source our derivation, lines (12) and (13)
 */
export function compareBackfire(options: BackfireOptions, rng: Rng): Backfire {
  const { quadratic, start, learningRate, samplingStd, dpStd, clipNorm, rounds, runs } = options;
  ensureCount("compareBackfire", "rounds", rounds);
  ensureCount("compareBackfire", "runs", runs);
  ensure(clipNorm > 0, "compareBackfire", "needs clipNorm > 0", clipNorm);
  const { numClients, dimension } = quadratic;
  const follow = (s: number, clip: number, stream: Rng): Course => {
    const [gap, error] = [new Array<number>(rounds).fill(0), new Array<number>(rounds).fill(0)];
    for (let r = 0; r < runs; r++) {
      let weights: Vector = start;
      for (let k = 0; k < rounds; k++) {
        const own = drawGradients(instanceAt(quadratic, weights, { samplingStd, learningRate }), stream);
        const sent = own.map((g) => g.map((value) => value * Math.min(1, clip / Math.sqrt(squaredNorm(g)))));
        const observed = plus(combination(sent), s / Math.sqrt(numClients), normalVector(dimension, stream));
        const seen = directionOf(observed);
        gap[k]! += objectiveGapAt(quadratic, weights) / runs;
        for (const g of own) error[k]! += squaredDistance(seen, directionOf(g)) / numClients / runs;
        weights = plus(weights, -learningRate, observed);
      }
    }
    return { gap, error };
  };
  const heterogeneity = Math.sqrt(dispersionOf(biasesAt(quadratic, start)));
  return {
    clean: follow(0, Infinity, rng.split("clean")),
    noise: follow(dpStd, Infinity, rng.split("noise")),
    clipped: follow(dpStd, clipNorm, rng.split("clipped")),
    threshold: backfireRatio({ samplingStd, heterogeneity, effectiveParticipants: numClients, dpStd, dimension }),
  };
}
