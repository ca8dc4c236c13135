/** @file The theory as notebooks see it: the namespace `theory`. */
export { compareBackfire, type Backfire, type BackfireOptions } from "./backfire";
export * from "./bound";
export { checkTheory, sampleTheory, type CheckSummary, type SamplingSummary } from "./check";
export { localStepChecks } from "./checks/localSteps";
export type { Clients } from "./clients";
export * from "./constants";
export { clippedProgress, clippingOf, localDispersion, unrolledDispersion, type Clipping } from "./fedAvg";
export * from "./laws";
export { medianVariance } from "./medianVariance";
export * from "./progress";
export { drawQuadratic, federatedQuadratic, leastSquares, objectiveGapAt, type Quadratic } from "./quadratic";
export * from "./spread";
export { powerSlope, predictedSlopes, sweepBound, type Sweep, type SweptQuantity } from "./sweeps";
export { attained, tightness, type Tightness } from "./tightness";
export { plus, unitVector, type Matrix, type Vector } from "./vectors";
