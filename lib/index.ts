/** @file The library's one barrel: what notebooks import from "curious-inside". */
export { InputError } from "./core/errors";
export { createRng, type Rng } from "./core/rng";
export { backendReady } from "./core/backend";
export type { Batch, Dataset, DatasetSource, ImageSet, Partition, Shape } from "./core/types";

export { datasets, type DatasetName } from "./data/datasets";
export { loadDataset } from "./data/source";
export { batchOf, joinBatches } from "./data/batch";
export { imageStats } from "./data/imageStats";
export { partition, type PartitionKind, type PartitionOptions } from "./data/partition";

export { architectures, buildNetwork, type ArchitectureName } from "./model/architectures";
export { evaluate, hessianVectorProduct, lossAndGradient } from "./model/network";
export { trainAutoencoders, type Autoencoder, type AutoencoderOptions } from "./model/autoencoder";

export { poisonings, type PoisoningName } from "./poisoning/poisonings";
export type { Poisoning, PoisoningContext, PoisoningParameters } from "./poisoning/poisoning";
export { backdoorTest, stampTrigger } from "./poisoning/backdoor";
export { minMaxGamma } from "./poisoning/minMax";

export { aggregators, type AggregatorName } from "./defense/aggregators";
export { clipElementwise, clipToNorm } from "./numerics/clip";
export { epsilonOf, noiseFor, type GaussianSteps } from "./defense/privacy/accountant";
export { gaussianEpsilon } from "./defense/privacy/gaussian";
export type { Sampling } from "./defense/privacy/renyi";
export { defaultPrivacy, privacies, spent, type PrivacyName, type PrivacyParameters } from "./defense/privacy/privacy";
export type {
  PrivacyObserver,
  PrivacyQuestion,
  PrivacySpent,
  PrivacyUnit,
  PrivateRun,
} from "./defense/privacy/privacy";
export { localDp } from "./defense/privacy/localDp";
export { privateGradients, privateUpdates } from "./defense/privacy/dpSgd";
export type { Aggregation, AggregationOptions, Aggregator, KrumNeighbours } from "./defense/aggregator";
export { preAggregate } from "./defense/preAggregate";
export { preAggregations, type PreAggregationName } from "./defense/preAggregations";
export type { PreAggregated, PreAggregation } from "./defense/preAggregation";
export { lowFrequencies } from "./numerics/dct";

export { defaultFederation, type FederationConfig } from "./fl/config";
export { setUp, type Federation } from "./fl/federation";
export { RunEnded, train, type RoundRecord, type TrainOptions } from "./fl/train";
export { drawProbe, presentProbe } from "./fl/probe";
export { aggregateMasked, maskUpdates, sumMasked, toRing, type MaskedUpdate } from "./fl/secureAggregation";

export type { AttackerView } from "./reconstruction/view";
export { assumeContributors, knowingOwnShare, observe, withoutOwnShare } from "./reconstruction/observe";
export { inferLabels } from "./reconstruction/labels";
export { gradientMatching, type GradientMatch, type ObjectiveName } from "./reconstruction/objective";
export { invertAnalytically, type AnalyticReconstruction } from "./reconstruction/analytic";
export { attackers, type AttackerName, type AttackerOptions } from "./reconstruction/attackers";
export { invert, matchingLosses } from "./reconstruction/invert";
export type { InvertOptions, Reconstruction } from "./reconstruction/inversion";
export { invertWithLabels, type LabelSearch } from "./reconstruction/labelSearch";
export type { Prior, PriorName } from "./reconstruction/priors";

export { rmse } from "./metrics/rmse";
export { psnr } from "./metrics/psnr";
export { ssim, type SsimOptions } from "./metrics/ssim";
export { assignment, matchImages, type Assignment, type Match, type MatchOptions } from "./metrics/matching";
export { scoreLeak, type Leak, type LeakOptions } from "./metrics/leak";
export { floorRmse, leakage, type Floor, type FloorGuess, type FloorOptions } from "./metrics/baseline";

export { checkTheory, sampleTheory, type CheckSummary, type SamplingSummary } from "./theory/check";
export { powerSlope, predictedSlopes, sweepBound, type Sweep, type SweptQuantity } from "./theory/sweeps";
export { attained, tightness, type Tightness } from "./theory/tightness";
export { compareBackfire, type Backfire, type BackfireOptions } from "./theory/backfire";
export { plus, unitVector, type Matrix, type Vector } from "./theory/vectors";
export { drawQuadratic, federatedQuadratic, leastSquares, objectiveGapAt, type Quadratic } from "./theory/quadratic";
export * from "./theory/bound";
export type { Clients } from "./theory/clients";
export * from "./theory/laws";
export { medianVariance } from "./theory/medianVariance";
export * from "./theory/progress";
export * from "./theory/spread";
export * from "./theory/constants";
export { localStepChecks } from "./theory/checks/localSteps";
export { clippedProgress, clippingOf, localDispersion, unrolledDispersion } from "./theory/fedAvg";

export { estimateProportion } from "./experiment/proportion";
export { curveOf, seedMeans, type Curve, type SeriesName } from "./experiment/curves";
export { leakDifferences, type LeakComparison } from "./experiment/compare";
export { bands, estimateMean, pairedDifference, seedsNeeded, type Estimate } from "./experiment/statistics";
export { compareMasking, followAnalyticLeak, followLocalSteps } from "./experiment/studies";
export { measureGradients, measureLeakage, seedJobs } from "./experiment/studies";
export type { GradientStudy, LeakageStudy } from "./experiment/studies";
export type { AnalyticLeak } from "./experiment/analyticLeak";
export type { MaskingCheck } from "./experiment/masking";
export { inversionCost, largestCurvature } from "./experiment/localSteps";
export type { InversionCost, LocalStepsRound } from "./experiment/localSteps";
export { fitConstants, observations, testAssumptions } from "./experiment/assumptions";
export type { AssumptionTest, FittedConstants, Observation } from "./experiment/assumptions";
export { backfireRounds, type BackfireRound } from "./experiment/backfireRounds";
export { convergenceOf, type Convergence } from "./experiment/convergence";
export { estimateCorrelation, rankCorrelation } from "./experiment/rank";
export type { GradientPlan, GradientRound, GradientRun, LoneInversion } from "./experiment/gradients";
export { commonPlan, commonWindows, withFewSeeds, vary, type Window } from "./experiment/commonPlan";
export { setting, settingBetween, type Change, type Setting } from "./experiment/settings";
export { distinct, findStudy, measureSettings, pick, planEach, studyOf, without } from "./experiment/planned";
export type { Planned, Studied } from "./experiment/planned";
export { readPlans } from "./experiment/leakagePlan";
export type { Attacker as Attack, LeakagePlan, LeakageRun } from "./experiment/measure";
export { sweep } from "./experiment/sweep";
export type { JobReport, SweepOptions, SweepProgress } from "./jobs/runJobs";
export { sourceText, computeOnce, type Computed, type Run } from "./jobs/store";

export { stampOf, stampText, type Stamp } from "./report/stamp";
export { byProfile, currentProfile, isForced, type Profile } from "./core/profile";
export { progressBar, type Progress } from "./report/progressBar";
export { showFigure, showLines, type Figure, type LineFigureSpec, type Panel, type Series } from "./report/figure";
export { showForest, type ForestRow, type ForestSpec } from "./report/forest";
export { showHeatmap, type HeatmapLabel, type HeatmapSpec } from "./report/heatmap";
export { asRmse, showImages } from "./report/imageGrid";
export { analyticLeakPanels, backfirePanels, estimateSeries, sweepPanel } from "./report/theory";
export { assumptionRows, observationPanel, type Observed } from "./report/assumptionRows";
export { backfireRows } from "./report/backfireRows";
export {
  participantPoints,
  participantRanks,
  participantRows,
  type Participants,
  type Studies,
} from "./report/participants";
export { ratePanels, rateRanks, rateRows, type ConvergenceByRule as Courses } from "./report/rates";
export { slackFigure, type SlackRow } from "./report/slack";
export { budgetRows } from "./report/budgetRows";

export { differenceCells, differencePanel, differenceRow, differenceRows, type Windows } from "./report/differences";
export { gapPanel, leakPanel, linesInOrder, privateRow, reconstructedRow, roundPanel } from "./report/leakPanels";
export type { LeakLine } from "./report/leakPanels";
export {
  ensureParameter,
  probeImages,
  recordedSettings,
  recordOf,
  runRows,
  runSettings,
  settingTable,
} from "./report/runs";
export { aggregateRows, decideDifference, differenceOf, leavesOut, meanText, perSeed, spanOf } from "./report/verdicts";
export { signatures, type Signatures, type SignatureWindows } from "./report/signatures";
export { settingRows } from "./report/settingRows";
export { inOrder, styleOf, type Drawn, type SettingName } from "./report/style";
export { table } from "./report/table";
export {
  claimTable,
  decide,
  notTestable,
  writeRecord,
  type Claim,
  type DecidedClaim,
  type Verdict,
} from "./report/claims";
