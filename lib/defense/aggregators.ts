/** @file The aggregation rules by name. */
import type { Aggregator } from "./aggregator";
import { bulyan } from "./bulyan";
import { caf } from "./caf";
import { centeredClipping } from "./centeredClipping";
import { geometricMedian } from "./geometricMedian";
import { krum } from "./krum";
import { mda } from "./mda";
import { mean } from "./mean";
import { meaMed } from "./meaMed";
import { median } from "./median";
import { moNna } from "./moNna";
import { multiKrum } from "./multiKrum";
import { smea } from "./smea";
import { trimmedMean } from "./trimmedMean";

/** The aggregation rules by name; a config's `aggregator` is a key. */
export const aggregators = {
  mean,
  median,
  trimmedMean,
  meaMed,
  geometricMedian,
  krum,
  multiKrum,
  bulyan,
  mda,
  moNna,
  centeredClipping,
  caf,
  smea,
} as const satisfies Record<string, Aggregator>;

/** An aggregation rule's name. */
export type AggregatorName = keyof typeof aggregators;
