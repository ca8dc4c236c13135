/** @file The library's one barrel: what notebooks import from "curious-inside". */
export { InputError } from "./core/errors";
export { createRng, type Rng } from "./core/rng";
export { backendReady } from "./core/backend";
export type { Batch, Dataset, DatasetSource, ImageSet, Partition, Shape } from "./core/types";

export { datasets, type DatasetName } from "./data/datasets";
export { loadDataset } from "./data/source";
export { batchOf, joinBatches } from "./data/batch";
export { imageStats } from "./data/stats";
export { partition, type PartitionKind, type PartitionOptions } from "./data/partition";

export { architectures, buildNetwork, type ArchitectureName } from "./model/architectures";
export { evaluate, lossAndGradient } from "./model/network";
export { trainAutoencoders, type Autoencoder, type AutoencoderOptions } from "./model/autoencoder";

export { aggregators, type AggregatorName } from "./defense/aggregators";
export type { Aggregation, AggregationOptions, Aggregator } from "./defense/aggregator";

export { defaultFederation, type FederationConfig } from "./fl/config";
export { setUp, train, type Federation, type RoundRecord, type TrainOptions } from "./fl/train";
export { drawProbe, presentProbe } from "./fl/probe";
export { aggregateMasked, maskUpdates, sumMasked, toRing, type MaskedUpdate } from "./fl/secureAggregation";

export { observe, withoutOwnShare, type AttackerView } from "./reconstruction/observe";
export { inferLabels } from "./reconstruction/labels";
export { gradientMatching, type GradientMatch, type ObjectiveName } from "./reconstruction/objective";
export { invertAnalytically, type AnalyticReconstruction } from "./reconstruction/analytic";
export { invert, type InvertOptions, type Reconstruction } from "./reconstruction/invert";
export type { Prior, PriorName } from "./reconstruction/prior";

export { rmse } from "./metrics/rmse";
export { psnr } from "./metrics/psnr";
export { ssim, type SsimOptions } from "./metrics/ssim";
export { assignment, matchImages, type Assignment, type Match, type MatchOptions } from "./metrics/matching";
export { labelAccuracy } from "./metrics/labels";
export { scoreLeak, type Leak } from "./metrics/leak";
export { floorRmse, leakage, type Floor, type FloorGuess, type FloorOptions } from "./metrics/baseline";

export { checkTheory, sampleTheory, type CheckSummary, type SamplingSummary } from "./theory/check";
export { powerSlope, predictedSlopes, sweep, type Sweep, type SweptQuantity } from "./theory/sweeps";
export { attained, tightness, type Tightness } from "./theory/tightness";
export { compareBackfire, type Backfire, type BackfireOptions } from "./theory/backfire";
export { plus, unitVector, type Matrix, type Vector } from "./theory/vectors";
export { drawQuadratic, federatedQuadratic, leastSquares, objectiveGapAt, type Quadratic } from "./theory/quadratic";
export * from "./theory/bound";
export * from "./theory/progress";
export * from "./theory/constants";

export { followAnalyticLeak, type AnalyticLeak } from "./experiment/analyticLeak";
export { estimateProportion } from "./experiment/proportion";
export { curveOf, seedMeans, type Curve, type SeriesName } from "./experiment/curves";
export { compareMasking, type MaskingCheck } from "./experiment/masking";
export { bands, estimateMean, pairedDifference, seedsNeeded, type Estimate } from "./experiment/stats";
export {
  measureLeakage,
  type Attack,
  type LeakagePlan,
  type LeakageRun,
  type LeakageStudy,
} from "./experiment/leakage";
export { describe, remember, type Remembered, type Run } from "./experiment/store";

export { stampOf, stampText, type Stamp } from "./report/stamp";
export { byProfile, currentProfile, isForced, type Profile } from "./report/profile";
export { progressBar, type Progress } from "./report/progress";
export { showFigure, showLines, type Figure, type LineFigureSpec, type Panel, type Series } from "./report/figure";
export { asRmse, showImages } from "./report/imageGrid";
export { leakPanel, privateRow, reconstructedRow, roundPanel, type LeakLine } from "./report/leakage";
export { analyticLeakPanels, backfirePanels, sweepPanel } from "./report/theory";
export { slackFigure, type SlackRow } from "./report/slack";
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
