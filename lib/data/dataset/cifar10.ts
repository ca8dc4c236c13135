/** @file CIFAR-10. */
import type { FolderSpec } from "../spec";

/** CIFAR-10. Length and SHA-256 are those of TensorFlow Datasets (tensorflow_datasets/url_checksums/cifar10.txt). */
export const cifar10: FolderSpec = {
  name: "cifar-10",
  label: "CIFAR-10",
  format: "cifar",
  inputShape: [3, 32, 32],
  numClasses: 10,
  classNames: ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"],
  source:
    "Krizhevsky 2009, Learning Multiple Layers of Features from Tiny Images, https://www.cs.toronto.edu/~kriz/cifar.html",
  licence: "none stated; cite the report",
  folder: "cifar-10-batches-bin",
  mirrors: ["https://www.cs.toronto.edu/~kriz/"],
  files: [
    {
      file: "cifar-10-binary.tar.gz",
      bytes: 170052171,
      sha256: "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
    },
  ],
  brightness: [0.473, 0.251],
};
