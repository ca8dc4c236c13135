/** @file Optimal ALIE: a little is enough, as much as harms most. */
import { alie } from "./alie";
import { farthestScale } from "./lineSearch";
import { checkedPoisoning } from "./poisoning";

/**
 * alie by an attacker who knows the server's rule and tries scales on it.
 *
 * poisoned = alie at scale = farthestScale
 *
 * Knows the honest updates and context.aggregate, the server's rule; several malicious clients send the same. Reads direction, not
 * scale. It throws an InputError when the server's rule is missing, and as alie.
 *
 * @source byzfl's Optimal_ALittleIsEnough (Allouah et al. 2023)
 */
export const optimalAlie = checkedPoisoning({
  name: "optimalAlie",
  label: "optimal ALIE",
  source: "Allouah et al. 2023",
  knows: "honest",
  reads: ["direction"],
  poisonUpdate(own, context, rng) {
    const at = (scale: number): Float32Array =>
      alie.poisonUpdate!(own, { ...context, parameters: { ...context.parameters, scale } }, rng);
    return at(farthestScale("optimalAlie", own, context, at));
  },
});
