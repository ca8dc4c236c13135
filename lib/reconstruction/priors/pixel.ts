/** @file The pixel prior: the code is the image. */
import type { PriorRule } from "../prior";

/** Nothing is taken for granted but that pixels lie in [0, 1]. */
export const pixel: PriorRule = {
  name: "pixel",
  label: "pixels",
  source: "Zhu et al. 2019 (DLG)",
  codes: "pixels",
  createDecoder: ({ inputShape }) => ({
    codeShape: inputShape,
    tensors: [],
    decode: (codes) => ({ images: codes, pull: (imagesGradient) => imagesGradient }),
  }),
};
