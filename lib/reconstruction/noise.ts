/** @file The privacy noise that a client sees in a round. */
import { privacies } from "../defense/privacies";
import type { Privacy } from "../defense/privacy/privacy";
import { isFiniteVector } from "../numerics/linear";
import type { InvertOptions } from "./inversion";
import type { AttackerView } from "./view";

/**
 * The standard deviation of the noise on each number of what a view is matched to, observedGradient / tau.
 *
 * s = t sqrt(n) / m,  of m clients whose mean it is, n of which send noise that the attacker does not know, t each
 *
 * n = m = M - 1 where the attacker's share is out; n = M - 1 of m = M where it is known and was used; else n = m = numImages / (tau B). Another rule's
 * noise is taken to be that of the mean, which is less than a rule that keeps few lets through.
 *
 * @param view as observe gives it
 * @returns s, 0 where nobody adds noise
 * @throws InputError never
 * @example
 * noiseSeen(view); // 0; without privacy
 * @source our choice
 */
export function noiseSeen(view: AttackerView): number {
  const { protocol, numClients, numImages, localSteps, batchSize, ownShare, ownUpdate } = view;
  if (protocol === undefined || protocol.privacy === "none") return 0;
  const mechanism: Privacy = privacies[protocol.privacy];
  const perStep = mechanism.stepNoise(protocol.privacyParameters, batchSize);
  const message = mechanism.clips === "example" ? perStep * Math.sqrt(localSteps) : perStep; // every step's noise, or one
  const behind = numImages / (localSteps * batchSize);
  const isOwnIn = ownShare === "known" && isFiniteVector(ownUpdate); // what is not finite was dropped
  return (message * Math.sqrt(behind)) / (isOwnIn ? numClients : behind) / localSteps;
}

/** The noise that an inversion counts with in a view: noiseSeen, or 0 where it is ignored. */
export function countedNoise(view: AttackerView, { noise = "ignored" }: Pick<InvertOptions, "noise">): number {
  return noise === "known" ? noiseSeen(view) : 0;
}
