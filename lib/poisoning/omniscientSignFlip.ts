/** @file Sign flip of the honest clients' mean, by a Byzantine client that knows it. */
import { ensure } from "../core/errors";
import { honestOf, meanOf } from "./honest";
import { checkedPoisoning, type PoisoningParameters } from "./poisoning";

/** What the rule does where its parameters are left out; the paper says "default parameters" and states none: our choice. */
const defaults = {
  scale: 1.5, // as in the first author's public code
} as const satisfies PoisoningParameters;

/**
 * Sends the negative of what the others are about to agree on.
 *
 * poisoned = -kappa mean(honestUpdates),  kappa = scale
 *
 * Knows the honest updates; several malicious clients send the same. Reads scale (kappa, any finite number, default 1.5). It throws
 * an InputError when kappa is not finite, or honestUpdates are missing, of another length, or not finite.
 *
 * @example
 * const honestUpdates = [Float32Array.of(1, 0), Float32Array.of(3, 4)];
 * const context = { parameters: { scale: 2 }, numClients: 3, numMalicious: 1, honestUpdates, inputShape: [1, 4, 4], numClasses: 3 };
 * omniscientSignFlip.poisonUpdate(Float32Array.of(9, 9), context, rng); // [-4, -4]
 * @source the first author's public code; byzfl's SignFlipping is kappa = 1
 */
export const omniscientSignFlip = checkedPoisoning({
  name: "omniscientSignFlip",
  label: "omniscient sign flip",
  source: "the first author's public code",
  knows: "honest",
  reads: ["scale"],
  defaults,
  poisonUpdate(own, context) {
    const { scale } = { ...defaults, ...context.parameters };
    ensure(Number.isFinite(scale), "omniscientSignFlip", "needs a finite scale", scale);
    return Float32Array.from(meanOf(honestOf("omniscientSignFlip", own, context)), (x) => -scale * x);
  },
});
