/** @file Optimal IPM: inner-product manipulation, as much as harms most. */
import { innerProductManipulation } from "./innerProductManipulation";
import { farthestScale } from "./lineSearch";
import { checkedPoisoning } from "./poisoning";

/**
 * innerProductManipulation by an attacker who knows the server's rule and tries scales on it.
 *
 * poisoned = innerProductManipulation at scale = farthestScale
 *
 * Knows the honest updates and context.aggregate, the server's rule; several malicious clients send the same. Reads no parameter.
 * It throws an InputError when the server's rule is missing, and as innerProductManipulation.
 *
 * @source byzfl's Optimal_InnerProductManipulation (Allouah et al. 2023)
 */
export const optimalInnerProductManipulation = checkedPoisoning({
  name: "optimalInnerProductManipulation",
  label: "optimal inner-product manipulation",
  source: "Allouah et al. 2023",
  knows: "honest",
  reads: [],
  poisonUpdate(own, context, rng) {
    const at = (scale: number): Float32Array =>
      innerProductManipulation.poisonUpdate!(own, { ...context, parameters: { scale } }, rng);
    return at(farthestScale("optimalInnerProductManipulation", own, context, at));
  },
});
