/** @file The pre-aggregations by name. */
import { arc } from "./preAggregators/arc";
import { bucketing } from "./preAggregators/bucketing";
import { clipping } from "./preAggregators/clipping";
import { nnm } from "./preAggregators/nnm";
import type { PreAggregation } from "./preAggregation";

/** The pre-aggregations by name; a config's `preAggregations` are keys. */
export const preAggregations = { nnm, bucketing, clipping, arc } as const satisfies Record<string, PreAggregation>;

/** A pre-aggregation's name. */
export type PreAggregationName = keyof typeof preAggregations;
