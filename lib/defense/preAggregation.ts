/** @file What a pre-aggregation is: it mixes or shortens updates before a rule sees them. */
import type { AggregationOptions, AggregationParameters } from "./aggregator";

/** Vectors in the updates' place, and what is in them. */
export interface PreAggregated {
  /** [m][d]; an update that stays as it is may be the very vector that came. */
  readonly updates: readonly Float32Array[];
  /** [m][n]; vector r is sum_i members[r][i] updates[i]. */
  readonly members: readonly (readonly number[])[];
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
  /** Its key in `preAggregations`. */
  readonly name: string;
  /** In figures and tables. */
  readonly label: string;
  /** Where it comes from. */
  readonly source: string;
  /** All that it reads of its parameters. */
  readonly reads: readonly (keyof AggregationParameters)[];
  /** [n][d] to [m][d]: never writes into the updates. */
  transform(updates: readonly Float32Array[], options: AggregationOptions): PreAggregated;
  /** Its derivative, see PullBack. */
  readonly pullBack: PreAggregationPullBack;
}
