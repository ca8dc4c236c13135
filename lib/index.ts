/** @file The library's one barrel: what notebooks import from "curious-inside". Its groups follow the folders, bottom to top. */

// Errors, randomness and the profile of a run
export { InputError } from "./core/errors";
export { byProfile, isForced } from "./core/profile";
export { createRng, type Rng } from "./core/rng";
export type { Batch, Dataset } from "./core/types";

// Data and models
export { datasets } from "./data/datasets";
export { loadDataset } from "./data/source";
export { batchOf, joinBatches } from "./data/batch";
export { imageStats } from "./data/imageStats";
export { readArrays } from "./files/readArrays";
export type { NamedArray, ReadOptions } from "./files/namedArray";
export { architectures } from "./model/architectures";
export { buildNetwork, stateDictOf, type ModelSpec, type NetworkOptions } from "./model/buildNetwork";
export { withStatistics, type LayerList, type LayerSpec, type StateEntry } from "./model/layerList";
export type { Normalization } from "./model/layers/shape";
export { evaluate, lossAndGradient, type Network } from "./model/network";
export { trainAutoencoders, type Autoencoder, type AutoencoderOptions } from "./model/autoencoder";

// Rules: what a malicious client does, and what servers and clients do against it
export { poisonings, type PoisoningName } from "./poisoning/poisonings";
export type { Poisoning, PoisoningParameters } from "./poisoning/poisoning";
export { aggregators, type AggregatorName } from "./defense/aggregators";
export type { Aggregator } from "./defense/aggregator";
export { preAggregations, type PreAggregationName } from "./defense/preAggregations";
export { privacies, type PrivacyName } from "./defense/privacies";
export { defaultPrivacy, type PrivacyParameters } from "./defense/privacy/privacy";
export { spent } from "./defense/privacy/spent";
export { epsilonOf, noiseFor } from "./defense/privacy/accountant";

// A federated run
export { defaultFederation, type FederationConfig } from "./fl/config";
export { federation } from "./fl/configure";
export { setUp, type Federation } from "./fl/federation";
export { RunEnded, train, type RoundRecord, type TrainOptions } from "./fl/train";

// What a client sees, and what it makes of it
export type { AttackerView } from "./reconstruction/view";
export { assumeContributors, knowingOwnShare, observe, withoutOwnShare } from "./reconstruction/observe";
export { attackers, type AttackerOptions } from "./reconstruction/attackers";
export { inferLabels } from "./reconstruction/labels";
export { gradientMatching } from "./reconstruction/objective";
export { invert } from "./reconstruction/invert";
export type { InvertOptions, Reconstruction } from "./reconstruction/inversion";
export { invertAnalytically } from "./reconstruction/analytic";
export { bounds, type Bounds, type BoundsOptions } from "./reconstruction/bounds";
export { invertWithLabels } from "./reconstruction/labelSearch";
export type { Prior } from "./reconstruction/priors";

// How close it comes
export { rmse } from "./metrics/rmse";
export { psnr } from "./metrics/psnr";
export { ssim } from "./metrics/ssim";
export { matchImages } from "./metrics/matching";
export { scoreLeak, type Leak } from "./metrics/leak";
export { floorRmse, leakage } from "./metrics/baseline";

// What the paper proves
export * as theory from "./theory/all";

// Experiments: settings and plans
export { commonPlan, commonWindows, vary, withFewSeeds, type Window } from "./experiment/commonPlan";
export { setting, type Change, type Setting } from "./experiment/settings";
export {
  distinct,
  findStudy,
  measureSettings,
  pick,
  planEach,
  studyOf,
  without,
  type Studied,
} from "./experiment/planned";
export { readPlans } from "./experiment/leakagePlan";
export type { Attacker, LeakagePlan, LeakageRun } from "./experiment/measure";
export type { GradientPlan, GradientRun } from "./experiment/gradients";

// Experiments: what is computed once, and stored
export {
  compareMasking,
  followAnalyticLeak,
  followLocalSteps,
  measureGradients,
  measureLeakage,
} from "./experiment/studies";
export type { GradientStudy, LeakageStudy } from "./experiment/studies";
export { computeOnce, sourceText } from "./jobs/store";

// Experiments: what follows from it
export { foundShare, seedMeans } from "./experiment/curves";
export { leakDifferences } from "./experiment/compare";
export { bands, estimateMean, pairedDifference, seedsNeeded, type Estimate } from "./experiment/statistics";
export { estimateProportion } from "./experiment/proportion";
export { estimateCorrelation, rankCorrelation } from "./experiment/rank";
export { observations, testAssumptions, type Observation } from "./experiment/assumptions";
export { backfireRounds, type BackfireRound } from "./experiment/backfireRounds";
export { convergenceOf } from "./experiment/convergence";
export { inversionCost, largestCurvature } from "./experiment/localSteps";
export type { InversionCost, LocalStepsRound } from "./experiment/localSteps";

// Records, stamps and progress
export { claimTable, decide, notTestable, writeRecord } from "./report/claims";
export type { Claim, Verdict } from "./report/claims";
export { stampOf } from "./report/stamp";
export { progressBar } from "./report/progressBar";
export { ensureParameter, recordedSettings, recordOf, runSettings } from "./report/runs";

// Tables
export { table } from "./report/table";
export { probeImages, runRows, settingTable } from "./report/runs";
export { aggregateRows, decideDifference, differenceOf, leavesOut, meanText, perSeed, spanOf } from "./report/verdicts";
export { budgetRows } from "./report/budgetRows";
export { signatures, type Signatures, type SignatureWindows } from "./report/signatures";

// Figures
export { showFigure, showLines, type Panel, type Series } from "./report/figure";
export { showForest, type ForestRow } from "./report/forest";
export { showHeatmap, type HeatmapLabel } from "./report/heatmap";
export { showImages } from "./report/imageGrid";
export { differenceCells, differencePanel, differenceRow, differenceRows } from "./report/differences";
export { gapPanel, leakPanel, linesInOrder, privateRow, reconstructedRow, roundPanel } from "./report/leakPanels";
export { styleOf, type Drawn, type SettingName } from "./report/style";

// The theorems' tables and figures
export * as theoryReport from "./report/theoryReport";

// Audits of federations from elsewhere
export { audit, type Audit, type AuditedRound } from "./audit/audit";
export { checkSpec, readSpec, type AuditSpec } from "./audit/spec";
export { summaryOf, type AuditSummary } from "./audit/summary";
export { writeAudit } from "./audit/writeAudit";
