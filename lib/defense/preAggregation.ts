/** @file What a pre-aggregation is: it mixes or shortens updates before a rule sees them. */
import type { AggregationOptions, AggregationParameters } from "./aggregator";

/** Vectors in the updates' place, and what is in them. */
export interface PreAggregated {
  readonly updates: readonly Float32Array[]; // [m][d]; an update that stays as it is may be the very vector that came
  readonly members: readonly (readonly number[])[]; // [m][n]; vector r is sum_i members[r][i] updates[i]
}

/**
 * The pull-back of a pre-aggregation, from what `transform` gave of the same updates and options; see PullBack for what is held fixed.
 *
 * v_i = sum_r (d vectors[r] / d updates[i])^T cotangents[r],  [n][d], owned by the caller
 */
export type PreAggregationPullBack<Options = AggregationOptions> = (
  updates: readonly Float32Array[],
  options: Options,
  transformed: PreAggregated,
  cotangents: readonly Float32Array[], // [m][d]
) => Float32Array[];

/** A pre-aggregation. */
export interface PreAggregation {
  readonly name: string;
  readonly label: string; // in figures and tables
  readonly source: string;
  readonly reads: readonly (keyof AggregationParameters)[]; // all that it reads of its parameters
  transform(updates: readonly Float32Array[], options: AggregationOptions): PreAggregated;
  readonly pullBack: PreAggregationPullBack;
}
