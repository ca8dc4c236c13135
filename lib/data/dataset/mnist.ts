/** @file MNIST. */
import type { FolderSpec } from "../spec";

/**
 * MNIST. Lengths and SHA-256 are those of TensorFlow Datasets (tensorflow_datasets/url_checksums/mnist.txt); mirrors: there, and in
 * torchvision/datasets/mnist.py. The fingerprints are of images in the official order, whose unpacked files have the published MD5.
 */
export const mnist: FolderSpec = {
  name: "mnist",
  label: "MNIST",
  format: "idx",
  inputShape: [1, 28, 28],
  numClasses: 10,
  classNames: ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
  source: "LeCun, Cortes and Burges 1998, http://yann.lecun.com/exdb/mnist/",
  licence: "CC BY-SA 3.0",
  folder: "mnist",
  mirrors: ["https://storage.googleapis.com/cvdf-datasets/mnist/", "https://ossci-datasets.s3.amazonaws.com/mnist/"],
  files: [
    {
      file: "train-images-idx3-ubyte.gz",
      bytes: 9912422,
      sha256: "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    },
    {
      file: "train-labels-idx1-ubyte.gz",
      bytes: 28881,
      sha256: "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    },
    {
      file: "t10k-images-idx3-ubyte.gz",
      bytes: 1648877,
      sha256: "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    },
    {
      file: "t10k-labels-idx1-ubyte.gz",
      bytes: 4542,
      sha256: "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    },
  ],
  official: {
    train: "54e1ab866c9484947dd4821c52bb7a43938f555d6b046be6af55247f8e6ffc64",
    test: "97b756d55950f1841ebd48df7379b9b2fc87a10d63e08d6213dad41d564e8508",
  },
  brightness: [0.131, 0.308],
};
