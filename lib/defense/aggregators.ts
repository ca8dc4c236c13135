/** @file The aggregation rules by name. */
import type { Aggregator } from "./aggregator";
import { bulyan } from "./aggregation/bulyan";
import { caf } from "./aggregation/caf";
import { centeredClipping } from "./aggregation/centeredClipping";
import { dnc } from "./aggregation/dnc";
import { flTrust } from "./aggregation/flTrust";
import { foolsGold } from "./aggregation/foolsGold";
import { freqFed } from "./aggregation/freqFed";
import { geometricMedian } from "./aggregation/geometricMedian";
import { krum } from "./aggregation/krum";
import { mda } from "./aggregation/mda";
import { mean } from "./aggregation/mean";
import { meaMed } from "./aggregation/meaMed";
import { median } from "./aggregation/median";
import { moNna } from "./aggregation/moNna";
import { multiKrum } from "./aggregation/multiKrum";
import { normBounding } from "./aggregation/normBounding";
import { oracle } from "./aggregation/oracle";
import { signGuard } from "./aggregation/signGuard";
import { smea } from "./aggregation/smea";
import { trimmedMean } from "./aggregation/trimmedMean";

/**
 * The aggregation rules by name, most of them robust to Byzantine clients; a config's `aggregator` is a key.
 *
 * Names of the field: FedAvg, FedSGD -> mean; CwMed -> median; CwTM, TrMean -> trimmedMean; RFA -> geometricMedian; CClip ->
 * centeredClipping; divide and conquer -> dnc; minimum diameter averaging -> mda; norm clipping -> normBounding.
 */
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
