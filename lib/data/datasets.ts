/** @file The datasets there are. Their words are the config's words. */
import type { Shape } from "../core/types";

/** A file of the official distribution. */
export interface OfficialFile {
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
}

interface Described {
  readonly inputShape: Shape; // [C, H, W]
  readonly numClasses: number;
  readonly classNames: readonly string[];
  readonly source: string;
  readonly licence: string;
}

/** A dataset kept as files in a folder. */
export interface FolderSpec extends Described {
  readonly format: "idx" | "cifar";
  readonly folder: string; // below CURIOUS_DATA and below data/
  readonly mirrors: readonly string[]; // base addresses, tried in turn
  readonly files: readonly OfficialFile[]; // idx: images, labels of train, then of test; cifar: the archive
  readonly official?: {
    readonly train: string; // fingerprint of the images and labels, see fingerprintOf
    readonly test: string;
  };
  readonly brightness?: readonly [mean: number, std: number]; // of training pixels in [0, 1], as published
}

/** A dataset drawn by the library itself. */
export interface EmbeddedSpec extends Described {
  readonly format: "strokes";
  readonly trainCount: number;
  readonly testCount: number;
}

const digits = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"] as const;

/**
 * Every dataset by name. Lengths and SHA-256 of the official files are those of TensorFlow Datasets
 * (tensorflow_datasets/url_checksums/{fashion_mnist,mnist,cifar10}.txt); mirrors: there, and in
 * torchvision/datasets/mnist.py. MNIST's fingerprints are of images in the official order, whose unpacked files have the published
 * MD5; Fashion-MNIST's are of all 70,000 images in another order, which no published sum vouches for.
 */
export const datasets = {
  "fashion-mnist": {
    format: "idx",
    inputShape: [1, 28, 28],
    numClasses: 10,
    classNames: [
      "T-shirt/top",
      "Trouser",
      "Pullover",
      "Dress",
      "Coat",
      "Sandal",
      "Shirt",
      "Sneaker",
      "Bag",
      "Ankle boot",
    ],
    source: "Xiao, Rasul and Vollgraf 2017 (arXiv 1708.07747), https://github.com/zalandoresearch/fashion-mnist",
    licence: "MIT",
    folder: "fashion-mnist",
    mirrors: [
      "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
      "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    ],
    files: [
      {
        file: "train-images-idx3-ubyte.gz",
        bytes: 26421880,
        sha256: "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
      },
      {
        file: "train-labels-idx1-ubyte.gz",
        bytes: 29515,
        sha256: "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
      },
      {
        file: "t10k-images-idx3-ubyte.gz",
        bytes: 4422102,
        sha256: "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
      },
      {
        file: "t10k-labels-idx1-ubyte.gz",
        bytes: 5148,
        sha256: "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
      },
    ],
    official: {
      train: "fb88a2f5c1b590c907f860b47803d006e4fa7b276cdb551799af9d443accdff7",
      test: "0b381379398a0943a88bf3864ff3f5177903dcf178030b4b74c495294b38fa7c",
    },
    brightness: [0.286, 0.353],
  },
  mnist: {
    format: "idx",
    inputShape: [1, 28, 28],
    numClasses: 10,
    classNames: digits,
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
  },
  "cifar-10": {
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
  },
  strokes: {
    format: "strokes",
    inputShape: [1, 28, 28],
    numClasses: 10,
    classNames: digits,
    source: "drawn by this library (lib/data/strokes.ts)",
    licence: "MIT",
    trainCount: 12000,
    testCount: 2000,
  },
} as const satisfies Record<string, FolderSpec | EmbeddedSpec>;

export type DatasetName = keyof typeof datasets;
