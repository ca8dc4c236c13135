/** @file What a rule reads, as data that the compiler holds against its code. */
import type { Aggregation, AggregationContext, AggregationParameters, Aggregator } from "./aggregator";
import type { PreAggregated, PreAggregation } from "./preAggregation";

type Name = keyof AggregationParameters;

/** What a rule that reads these parameters gets: no other is in it, so that the compiler holds `reads` against the rule. */
export type OptionsOf<K extends Name> = Pick<AggregationParameters, K> & AggregationContext;

/** An aggregation rule as its file writes it. */
interface AggregatorReading<K extends Name> extends Omit<Aggregator, "reads" | "aggregate"> {
  readonly reads: readonly K[];
  aggregate(updates: readonly Float32Array[], options: OptionsOf<K>): Aggregation;
}

/** A pre-aggregation as its file writes it. */
interface PreAggregationReading<K extends Name> extends Omit<PreAggregation, "reads" | "transform"> {
  readonly reads: readonly K[];
  transform(updates: readonly Float32Array[], options: OptionsOf<K>): PreAggregated;
}

/**
 * The aggregation rule that a file writes: `reads` names all that its code takes of the parameters, or it does not compile.
 *
 * @param rule as the file writes it
 * @returns the same as an Aggregator
 * @example
 * const none = { name: "first", source: "ours", reads: [], aggregate: ([update]) => ({ update, kept: [0], effective: 1 }) };
 * checkedAggregator(none).reads; // []
 */
export function checkedAggregator<const K extends Name>(rule: AggregatorReading<K>): Aggregator {
  return rule;
}

/**
 * The pre-aggregation that a file writes; see checkedAggregator.
 *
 * @param rule as the file writes it
 * @returns the same as a PreAggregation
 * @example
 * const none = { name: "none", source: "ours", reads: [], transform: ([update]) => ({ updates: [update], members: [[1]] }) };
 * checkedPreAggregation(none).name; // "none"
 */
export function checkedPreAggregation<const K extends Name>(rule: PreAggregationReading<K>): PreAggregation {
  return rule;
}
