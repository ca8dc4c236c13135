/** @file What an aggregation rule is: vectors to a vector, and whom it kept. It never sees clients. */

/** What a rule may need to know besides the updates. */
export interface AggregationOptions {
  readonly f: number; // assumed number of malicious clients, 0 <= f < n/2
}

/** The outcome of a rule. */
export interface Aggregation {
  readonly update: Float32Array; // [d]
  readonly kept: readonly number[]; // indices of the updates that are in it; leakage depends on it
}

/** An aggregation rule. */
export interface Aggregator {
  readonly name: string;
  readonly source: string;
  aggregate(updates: readonly Float32Array[], options: AggregationOptions): Aggregation;
}
