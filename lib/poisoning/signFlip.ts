/** @file Sign flip (SF, sign flipping, reversed gradient) of one's own update. */
import { ensure } from "../core/errors";
import { checkedPoisoning, type PoisoningParameters } from "./poisoning";

/** What the rule does where its parameters are left out; the paper says "default parameters" and states none: our choice. */
const defaults = {
  scale: 1, // as in the first author's public code: the honest update, negated
} as const satisfies PoisoningParameters;

/**
 * Sends the negative of one's own update: against the mean it pulls training backwards.
 *
 * poisoned = -kappa own,  kappa = scale
 *
 * Reads scale (kappa, any finite number, default 1). Several malicious clients flip each its own. It throws an InputError when
 * kappa is not finite.
 *
 * @example
 * const context = { parameters: { scale: 3 }, numClients: 3, numMalicious: 1, honestUpdates: [], inputShape: [1, 4, 4], numClasses: 3 };
 * signFlip.poisonUpdate(Float32Array.of(1, -2), context, rng); // [-3, 6]
 * @source the paper's sign flipping; kappa is not stated there
 */
export const signFlip = checkedPoisoning({
  name: "signFlip",
  label: "sign flip",
  source: "the paper's sign flipping; kappa is ours",
  knows: "own",
  reads: ["scale"],
  defaults,
  poisonUpdate(own, { parameters }) {
    const { scale } = { ...defaults, ...parameters };
    ensure(Number.isFinite(scale), "signFlip", "needs a finite scale", scale);
    return own.map((x) => -scale * x);
  },
});
