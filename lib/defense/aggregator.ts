/** @file What an aggregation rule is: vectors to a vector, and whom it kept. It never sees clients. */
import type { Rng } from "../core/rng";
import type { Shape } from "../core/types";

/** Krum's two conventions: n - f - 2 others as in Blanchard et al. 2017, or n - f - 1 as in Farhadkhani et al. 2022. */
export type KrumNeighbours = "n-f-2" | "n-f-1";

/** What a server sets: plain JSON. Every rule documents which of these it reads, and its default for each that is left out. */
export interface AggregationParameters {
  readonly f: number; // assumed number of malicious clients, 0 <= f < n/2
  readonly neighbours?: KrumNeighbours; // Krum's family: how many nearest others an update is judged by
  readonly iterations?: number; // geometricMedian: at most; centeredClipping, dnc: exactly
  readonly smoothing?: number; // nu, geometricMedian: distances below count as this, > 0
  readonly clipNorm?: number; // C or tau, largest Euclidean length: clipping, centeredClipping, normBounding, > 0
  readonly trusted?: number; // moNna: index of the client whose update is the reference
  readonly subsampleSize?: number; // b, dnc: coordinates that an iteration looks at, >= 1
  readonly filterFraction?: number; // c, dnc: an iteration drops c f updates, >= 0
  readonly minClusterSize?: number; // freqFed: updates that make a cluster, 2..n
  readonly bucketSize?: number; // s, bucketing: updates averaged in a bucket, >= 1
}

/** What a rule may need of the round. A rule that needs one which is missing refuses and says so. */
export interface AggregationContext {
  readonly rng?: Rng; // the round's stream, for rules that draw
  readonly layers?: readonly Shape[]; // shapes of the weight tensors that make up a vector, in their order
  readonly previous?: Float32Array; // the last round's aggregate, [d]
  readonly history?: readonly Float32Array[]; // every client's updates summed over the rounds before, [n][d]
  readonly rootUpdate?: Float32Array; // the server's own update on its root batch, [d]
  readonly malicious?: readonly number[]; // who really is malicious: for the oracle alone
}

/** All that a rule gets besides the updates. */
export type AggregationOptions = AggregationParameters & AggregationContext;

/** The outcome of a rule. */
export interface Aggregation {
  readonly update: Float32Array; // [d], none of the updates itself
  readonly kept: readonly number[]; // indices of the updates that are in it, ascending; none for coordinate-wise rules
  /**
   * M_eff: as many equally weighted updates average noise like this rule. (sum w)^2 / sum w^2 for weights w, of noise over so many
   * coordinates that it does not move them; of a coordinate-wise rule, of independent normal noise in every coordinate, 1 / variance.
   */
  readonly effectiveParticipants: number;
  readonly weights?: readonly number[]; // [n], the updates' weights in it, where the rule is linear in them once it has chosen
}

/**
 * The pull-back of a rule: how much each number of each update moves a weighted sum of the aggregate's numbers.
 *
 * v_i = (d update / d updates[i])^T cotangent,  one [d] per update, owned by the caller
 *
 * A rule chooses (whom it keeps, which rank stands in the middle, what is too long) and then computes; the choice is as it is at these
 * updates, and what is computed from it is differentiated. That is the derivative wherever a small move does not change the choice;
 * where numbers tie, one of the derivatives around. A rule that holds more than its choice fixed says so in its docstring. Options are
 * aggregate's, `rng` in the state in which aggregate got it: the same draws.
 */
export type PullBack<Options = AggregationOptions> = (
  updates: readonly Float32Array[],
  options: Options,
  cotangent: Float32Array,
) => Float32Array[];

/** An aggregation rule. */
export interface Aggregator {
  readonly name: string;
  readonly label: string; // in figures and tables
  readonly source: string;
  readonly reads: readonly (keyof AggregationParameters)[]; // all that it reads of its parameters
  readonly needs?: readonly (keyof AggregationContext)[]; // what of the round it cannot do without
  readonly readsPrevious?: true; // takes the last round's aggregate into account
  readonly equalWeights?: true; // every update counts 1/n in every round, so that a client can subtract its own share
  aggregate(updates: readonly Float32Array[], options: AggregationOptions): Aggregation;
  readonly pullBack: PullBack;
}
