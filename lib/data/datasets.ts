/** @file The datasets by name. */
import { cifar10 } from "./dataset/cifar10";
import { fashionMnist } from "./dataset/fashionMnist";
import { mnist } from "./dataset/mnist";
import { strokes } from "./dataset/strokes";
import type { DatasetSpec } from "./spec";

/** The datasets by name; a config's `dataset` is a key. */
export const datasets = {
  "fashion-mnist": fashionMnist,
  mnist,
  "cifar-10": cifar10,
  strokes,
} as const satisfies Record<string, DatasetSpec>;

/** A dataset's name. */
export type DatasetName = keyof typeof datasets;
