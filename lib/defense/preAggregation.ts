/** @file What a pre-aggregation is: it mixes or shortens updates before a rule sees them. */
import type { AggregationOptions, AggregationParameters } from "./aggregator";

/** Vectors in the updates' place, and what is in them. */
export interface PreAggregated {
  readonly updates: readonly Float32Array[]; // [m][d]; an update that stays as it is may be the very vector that came
  readonly members: readonly (readonly number[])[]; // [m][n]; vector r is sum_i members[r][i] updates[i]
}

/** A pre-aggregation. */
export interface PreAggregation {
  readonly name: string;
  readonly source: string;
  readonly reads: readonly (keyof AggregationParameters)[]; // all that it reads of its parameters
  transform(updates: readonly Float32Array[], options: AggregationOptions): PreAggregated;
}
