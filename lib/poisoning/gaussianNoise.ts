/** @file Gaussian noise, on top of one's own update or in its place. */
import { ensure, refuse } from "../core/errors";
import { checkedPoisoning, type PoisoningParameters } from "./poisoning";

/** What the rule does where its parameters are left out; the paper says "default parameters" and states none: our choice. */
const defaults = {
  noiseStd: 0.1, // as Blades; byzfl's 1 makes a vector 250 times as long as a gradient of LeNet-5, and training diverges
  noiseMode: "added", // the paper adds; Blades and byzfl replace
} as const satisfies PoisoningParameters;

/**
 * Adds noise to one's own update: training slows, with no direction that a filter could learn.
 *
 * poisoned[j] = own[j] + sigma_zeta z_j, or sigma_zeta z_j alone,  z_j ~ N(0, 1)
 *
 * Reads noiseStd (sigma_zeta >= 0, default 0.1) and noiseMode ("added" by default, or "replacing"). Several malicious clients draw
 * each its own noise. It throws an InputError when sigma_zeta is negative or not finite, or the mode is neither.
 *
 * @example
 * const context = { parameters: { noiseStd: 0 }, numClients: 3, numMalicious: 1, honestUpdates: [], inputShape: [1, 4, 4], numClasses: 3 };
 * gaussianNoise.poisonUpdate(Float32Array.of(1, -2), context, rng); // [1, -2]; no noise at all
 * @source the paper's Gaussian noise; sigma_zeta is not stated there
 */
export const gaussianNoise = checkedPoisoning({
  name: "gaussianNoise",
  label: "Gaussian noise",
  source: "the paper's Gaussian noise; sigma_zeta is ours",
  knows: "own",
  reads: ["noiseStd", "noiseMode"],
  defaults,
  poisonUpdate(own, { parameters }, rng) {
    const { noiseStd, noiseMode } = { ...defaults, ...parameters };
    ensure(Number.isFinite(noiseStd) && noiseStd >= 0, "gaussianNoise", "needs a finite noiseStd >= 0", noiseStd);
    if (noiseMode !== "added" && noiseMode !== "replacing")
      refuse("gaussianNoise", 'needs a noiseMode of "added", "replacing"', noiseMode);
    return own.map((x) => (noiseMode === "added" ? x : 0) + noiseStd * rng.normal());
  },
});
