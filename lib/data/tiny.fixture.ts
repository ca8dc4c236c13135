/** @file A dataset small enough for any test. */
import { createRng } from "../core/rng";
import type { Dataset, ImageSet } from "../core/types";

/** 4×4 pixels, three classes: noise whose bright column tells the class. */
export const tinyDataset: Dataset = {
  name: "columns",
  source: "embedded",
  hash: "",
  inputShape: [1, 4, 4],
  numClasses: 3,
  classNames: ["left", "middle", "right"],
  train: columns(90, "train"),
  test: columns(30, "test"),
};

function columns(count: number, seed: string): ImageSet {
  const rng = createRng(seed);
  const labels = Uint8Array.from({ length: count }, (_, i) => i % 3);
  const pixels = Uint8Array.from({ length: 16 * count }, (_, p) => {
    const isBright = p % 4 === labels[Math.floor(p / 16)]!;
    return rng.integer(isBright ? 256 : 100);
  });
  return { pixels, labels, count };
}
