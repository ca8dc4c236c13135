/** @file Fashion-MNIST. */
import type { FolderSpec } from "../spec";

/**
 * Fashion-MNIST. Lengths, SHA-256 and mirrors are those of TensorFlow Datasets (tensorflow_datasets/url_checksums/fashion_mnist.txt). The
 * fingerprints are of all 70,000 images in another order, which no published sum vouches for.
 */
export const fashionMnist: FolderSpec = {
  name: "fashion-mnist",
  label: "Fashion-MNIST",
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
};
