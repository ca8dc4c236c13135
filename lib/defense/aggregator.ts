/** @file What an aggregation rule is: vectors to a vector, and whom it kept. It never sees clients. */
import type { Rng } from "../core/rng";
import type { Shape } from "../core/types";

/** What a server sets: plain JSON. Every rule documents which of these it reads, and its default for each that is left out. */
export interface AggregationParameters {
  readonly f: number; // assumed number of malicious clients, 0 <= f < n/2
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
  readonly update: Float32Array; // [d]
  readonly kept: readonly number[]; // indices of the updates that are in it, ascending; none for coordinate-wise rules
  readonly effective: number; // M_eff: as many equally weighted updates average noise like this rule; (sum w)^2 / sum w^2 for weights w
}

/** An aggregation rule. */
export interface Aggregator {
  readonly name: string;
  readonly source: string;
  aggregate(updates: readonly Float32Array[], options: AggregationOptions): Aggregation;
}
