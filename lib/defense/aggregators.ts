/** @file The aggregation rules by name. */
import type { Aggregator } from "./aggregator";
import { bulyan } from "./bulyan";
import { caf } from "./caf";
import { centeredClipping } from "./centeredClipping";
import { dnc } from "./dnc";
import { flTrust } from "./flTrust";
import { foolsGold } from "./foolsGold";
import { freqFed } from "./freqFed";
import { geometricMedian } from "./geometricMedian";
import { krum } from "./krum";
import { mda } from "./mda";
import { mean } from "./mean";
import { meaMed } from "./meaMed";
import { median } from "./median";
import { moNna } from "./moNna";
import { multiKrum } from "./multiKrum";
import { normBounding } from "./normBounding";
import { oracle } from "./oracle";
import { signGuard } from "./signGuard";
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
  dnc,
  freqFed,
  signGuard,
  foolsGold,
  flTrust,
  normBounding,
  oracle,
} as const satisfies Record<string, Aggregator>;

/** An aggregation rule's name. */
export type AggregatorName = keyof typeof aggregators;
