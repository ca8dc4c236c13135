/** @file What must hold of a dataset that a user brings: checked once, where it enters. */
import { types } from "node:util";
import { ensure, ensureCount } from "./errors";
import { ensureLabels } from "./typed";
import type { Dataset, ImageSet } from "./types";

const checked = new WeakSet<object>(); // a run sets its federation up more than once

/**
 * Refuses a dataset that could not be what it says: other lengths than its counts and shape ask for, or labels outside the classes.
 */
export function checkDataset(fn: string, dataset: Pick<Dataset, "inputShape" | "numClasses" | "train" | "test">): void {
  if (checked.has(dataset)) return;
  const { inputShape, numClasses, train, test } = dataset;
  const isImage = Array.isArray(inputShape) && inputShape.length === 3;
  const isShape = isImage && inputShape.every((side) => Number.isInteger(side) && side >= 1);
  ensure(isShape, fn, "needs images of inputShape [C, H, W]", inputShape);
  ensureCount(fn, "numClasses", numClasses, 2);
  checkSet(fn, train, "training", dataset);
  checkSet(fn, test, "test", dataset);
  checked.add(dataset);
}

/** Refuses images whose bytes, labels and count do not fit one another. */
function checkSet(
  fn: string,
  images: ImageSet,
  which: string,
  { inputShape, numClasses }: Pick<Dataset, "inputShape" | "numClasses">,
): void {
  const { pixels, labels, count } = images;
  ensureCount(fn, `count of ${which} images`, count);
  const areBytes = types.isUint8Array(pixels) && types.isUint8Array(labels);
  ensure(
    areBytes,
    fn,
    `needs pixels and labels of the ${which} images as Uint8Array`,
    "another kind",
    "pixels are 0..255",
  );
  const numbers = count * inputShape.reduce((product, side) => product * side, 1);
  ensure(
    pixels.length === numbers && labels.length === count,
    fn,
    `needs ${numbers} pixels and ${count} labels for ${count} ${which} images of [${inputShape.join(", ")}]`,
    `${pixels.length} and ${labels.length}`,
  );
  ensureLabels(fn, `labels of the ${which} images`, labels, count, numClasses);
}
