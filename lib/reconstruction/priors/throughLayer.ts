/** @file A layer as a decoder. */
import type { Tensor } from "../../core/backend";
import type { Layer } from "../../model/layers/layer";
import type { Decoder } from "../prior";

/** The decoder that a layer from codes to images is, with the replicas' weights [S, ...]. */
export function throughLayer(layer: Layer, weights: readonly Tensor[]): Decoder {
  return {
    codeShape: layer.inputShape,
    tensors: weights,
    decode(codes) {
      const trace = layer.forward(codes, weights);
      return { images: trace.output, pull: (imagesGradient) => trace.backward(imagesGradient, "input").input! };
    },
  };
}
