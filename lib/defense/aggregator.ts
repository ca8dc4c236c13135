/** @file What an aggregation rule is: vectors to a vector, and whom it kept. It never sees clients. */
import type { Rng } from "../core/rng";
import type { Shape } from "../core/types";

/** Krum's two conventions: n - f - 2 others as in Blanchard et al. 2017, or n - f - 1 as in Farhadkhani et al. 2022. */
export type KrumNeighbours = "n-f-2" | "n-f-1";

/** What a server sets: plain JSON. Every rule documents which of these it reads, and its default for each that is left out. */
export interface AggregationParameters {
  /** Malicious (Byzantine) clients that the server assumes, 0 <= f < n/2; in a config it is assumedMalicious. */
  readonly f: number;
  /** krum, multiKrum, bulyan: how many nearest others an update is judged by; default "n-f-2". */
  readonly neighbours?: KrumNeighbours;
  /** geometricMedian: at most, default 100; centeredClipping: exactly, default 1; dnc: exactly, default 5. */
  readonly iterations?: number;
  /** nu > 0, geometricMedian: distances below count as this; default 1e-6 of the median length of the updates. */
  readonly smoothing?: number;
  /** C or tau > 0, largest Euclidean length: clipping (default 2), centeredClipping (10), normBounding (the median length). */
  readonly clipNorm?: number;
  /** moNna: index of the client whose update is the reference, 0..n-1; no default. */
  readonly trusted?: number;
  /** b >= 1, dnc: coordinates that an iteration looks at; default 10,000. */
  readonly subsampleSize?: number;
  /** c >= 0, dnc: an iteration drops floor(c f) updates; default 1. */
  readonly filterFraction?: number;
  /** freqFed: updates that make a cluster, 2..n; default floor(n/2) + 1. */
  readonly minClusterSize?: number;
  /** s >= 1, bucketing: updates averaged in a bucket; default 2. */
  readonly bucketSize?: number;
}

/** What a rule may need of the round. A rule that needs one which is missing refuses and says so. */
export interface AggregationContext {
  /** The round's stream, for rules that draw. */
  readonly rng?: Rng;
  /** Shapes of the weight tensors that make up a vector, in their order. */
  readonly layers?: readonly Shape[];
  /** The last round's aggregate, [d]. */
  readonly previous?: Float32Array;
  /** Every client's updates summed over the rounds before, [n][d]. */
  readonly history?: readonly Float32Array[];
  /** The server's own update on its root batch, [d]. */
  readonly rootUpdate?: Float32Array;
  /** Who really is malicious: for the oracle alone. */
  readonly malicious?: readonly number[];
}

/** All that a rule gets besides the updates. */
export type AggregationOptions = AggregationParameters & AggregationContext;

/** The outcome of a rule. */
export interface Aggregation {
  /** [d], none of the updates itself. */
  readonly update: Float32Array;
  /** Indices of the updates that are in it, ascending; none for coordinate-wise rules. */
  readonly kept: readonly number[];
  /**
   * M_eff: as many equally weighted updates average noise like this rule. (sum w)^2 / sum w^2 for weights w, of noise over so many
   * coordinates that it does not move them; of a coordinate-wise rule, of independent normal noise in every coordinate, 1 / variance.
   */
  readonly effectiveParticipants: number;
  /** [n], the updates' weights in it, where the rule is linear in them once it has chosen. */
  readonly weights?: readonly number[];
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
  /** Its key in `aggregators`. */
  readonly name: string;
  /** In figures and tables. */
  readonly label: string;
  /** Where it comes from. */
  readonly source: string;
  /** All that it reads of its parameters. */
  readonly reads: readonly (keyof AggregationParameters)[];
  /** What of the round it cannot do without. */
  readonly needs?: readonly (keyof AggregationContext)[];
  /** Takes the last round's aggregate into account. */
  readonly readsPrevious?: true;
  /** Every number of the aggregate is a mean of those numbers in its place that are in the middle: of no other place, nor of the round. */
  readonly byRank?: true;
  /** Every update counts 1/n in every round, so that a client can subtract its own share. */
  readonly equalWeights?: true;
  /**
   * Of a rule whose aggregate is the plain mean of some updates, whole: of how many it may be, all that is possible, ascending. Absent
   * where updates are weighted, or some coordinates of them are in it.
   */
  readonly keeps?: (n: number, options: AggregationOptions) => readonly number[];
  /** [n][d] to [d]: never writes into the updates. */
  aggregate(updates: readonly Float32Array[], options: AggregationOptions): Aggregation;
  /** Its derivative, for inversions that unroll the round; see PullBack. */
  readonly pullBack: PullBack;
}
