/** @file The autoencoder prior: images that a decoder can draw. */
import { tidy } from "../../core/backend";
import { ensure, refuse } from "../../core/errors";
import { decoderOf } from "../../model/autoencoder";
import { stackVectors, unpackWeights } from "../../model/stack";
import type { PriorRule } from "../prior";
import { throughLayer } from "./throughLayer";

/** What the decoder of an autoencoder makes of a code; the attacker has trained it on its own images, one for each view. */
export const autoencoder: PriorRule = {
  name: "autoencoder",
  label: "autoencoder",
  source: "the paper's section 4.1; Yue et al. 2023 (ROG)",
  codes: "free",
  createDecoder({ inputShape, views, autoencoders }) {
    const chosen = views.map((view) => {
      const one = autoencoders?.[view];
      if (one === undefined) return refuse("invert", "needs an autoencoder per view", `none for view ${view}`);
      const fits = String(one.inputShape) === String(inputShape);
      ensure(fits, "invert", `needs an autoencoder for images of [${inputShape.join(", ")}]`, one.inputShape);
      return one;
    });
    const layer = decoderOf(chosen[0]!);
    const stack = chosen.map(({ decoderWeights }) => decoderWeights);
    return throughLayer(
      layer,
      tidy(() => unpackWeights(layer, stackVectors(stack))),
    );
  },
};
