/** @file Sign flip of one's own update. */
import { ensure } from "../core/errors";
import { checkedPoisoning, poisoningDefaults } from "./poisoning";

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
  source: "the paper's sign flipping; kappa is ours",
  knows: "own",
  reads: ["scale"],
  poisonUpdate(own, { parameters }) {
    const { scale } = { ...poisoningDefaults.signFlip, ...parameters };
    ensure(Number.isFinite(scale), "signFlip", "needs a finite scale", scale);
    return own.map((x) => -scale * x);
  },
});
