/** @file The embedded dataset: digits drawn by a pen. */
import { drawStrokes } from "../strokes";
import type { EmbeddedSpec } from "../spec";

/** Digits drawn by a pen; it stands in for a dataset that cannot be had. */
export const strokes: EmbeddedSpec = {
  name: "strokes",
  label: "strokes",
  format: "embedded",
  inputShape: [1, 28, 28],
  numClasses: 10,
  classNames: ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
  source: "drawn by this library (lib/data/strokes.ts)",
  licence: "MIT",
  trainCount: 12000,
  testCount: 2000,
  draw: drawStrokes,
};
