/** @file IPM: inner-product manipulation, also called the fall of empires (FoE). */
import { ensure } from "../core/errors";
import { honestOf, meanOf } from "./honest";
import { checkedPoisoning, type PoisoningParameters } from "./poisoning";

/** What the rule does where its parameters are left out; the paper says "default parameters" and states none: our choice. */
const defaults = {
  scale: 0.1, // as in the first author's public code: small enough to pass robust rules
} as const satisfies PoisoningParameters;

/**
 * Sends a little of the honest mean's opposite: too small for a filter of distances, and where a robust rule picks it, the
 * aggregate's inner product with the honest mean is negative. The same formula as omniscientSignFlip, at another scale.
 *
 * poisoned = -epsilon mean(honestUpdates),  epsilon = scale
 *
 * Knows the honest updates; several malicious clients send the same. Reads scale (epsilon, any finite number, default 0.1). It
 * throws an InputError when epsilon is not finite, or honestUpdates are missing, of another length, or not finite.
 *
 * @example
 * const honestUpdates = [Float32Array.of(1, 0), Float32Array.of(3, 4)];
 * const context = { parameters: { scale: 0.5 }, numClients: 3, numMalicious: 1, honestUpdates, inputShape: [1, 4, 4], numClasses: 3 };
 * innerProductManipulation.poisonUpdate(Float32Array.of(9, 9), context, rng); // [-1, -1]
 * @source Xie et al. 2020, "Fall of empires"
 */
export const innerProductManipulation = checkedPoisoning({
  name: "innerProductManipulation",
  label: "inner-product manipulation",
  source: "Xie et al. 2020",
  knows: "honest",
  reads: ["scale"],
  defaults,
  poisonUpdate(own, context) {
    const { scale } = { ...defaults, ...context.parameters };
    ensure(Number.isFinite(scale), "innerProductManipulation", "needs a finite scale", scale);
    return Float32Array.from(meanOf(honestOf("innerProductManipulation", own, context)), (x) => -scale * x);
  },
});
