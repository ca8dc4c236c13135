/** @file The aggregation rules by name. */
import type { Aggregator } from "./aggregator";
import { mean } from "./mean";

/** The aggregation rules by name; a config's `aggregator` is a key. */
export const aggregators = { mean } as const satisfies Record<string, Aggregator>;

/** An aggregation rule's name. */
export type AggregatorName = keyof typeof aggregators;
