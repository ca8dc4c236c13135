/** @file The kinds of jobs that this library measures, and what computes them in other processes. */
import { join } from "node:path";
import type { JobKind, Workshop } from "../jobs/kind";
import { analyticLeakKind } from "./analyticLeakKind";
import { autoencoderKind } from "./autoencoderKind";
import { gradientKind } from "./gradientKind";
import { leakageKind } from "./leakageKind";
import { localStepsKind } from "./localStepsKind";
import { maskingKind } from "./maskingKind";

const kinds: readonly JobKind[] = [
  leakageKind,
  gradientKind,
  autoencoderKind,
  analyticLeakKind,
  localStepsKind,
  maskingKind,
];

/** All that this library computes as jobs. */
export const workshop: Workshop = { kinds, file: join(__dirname, "jobWorker.js") };
