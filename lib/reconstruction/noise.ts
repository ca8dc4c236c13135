/** @file The privacy noise that a client sees in a round. */
import { privacies } from "../defense/privacies";
import type { Privacy } from "../defense/privacy/privacy";
import { rehearse } from "../fl/aggregation";
import type { InvertOptions } from "./inversion";
import { isMean, type Protocol } from "./protocol";
import { imagesPerClient, isOwnIn, type AttackerView } from "./view";

/**
 * The standard deviation of the noise on each number of what a view is matched to, observedGradient / tau.
 *
 * s = t sqrt(n / (m M_eff)),  of m clients who are aggregated, n of which send noise that the attacker does not know, t each
 *
 * n = m = M - 1 where the attacker's share is out; n = M - 1 of m = M where it is known and was used; else n = m = numImages / (tau B).
 * M_eff, how many clients' noise a rule averages, is m under the mean; of another rule it is that of a round of nothing but noise.
 *
 * @param view as observe gives it
 * @returns s, 0 where nobody adds noise
 * @throws InputError never
 * @example
 * noiseSeen(view); // 0; without privacy
 * @source our choice
 */
export function noiseSeen(view: AttackerView): number {
  const { protocol, numClients, numImages, localSteps, batchSize } = view;
  if (protocol === undefined || protocol.privacy === "none") return 0;
  const mechanism: Privacy = privacies[protocol.privacy];
  const perStep = mechanism.stepNoise(protocol.privacyParameters, batchSize);
  const message = mechanism.clips === "example" ? perStep * Math.sqrt(localSteps) : perStep; // every step's noise, or one
  const behind = numImages / imagesPerClient(view);
  const clients = isOwnIn(view) ? numClients : behind;
  return (message * Math.sqrt(behind)) / Math.sqrt(clients * averaged(protocol, numClients, clients)) / localSteps;
}

const enoughNumbers = 1000; // in an update of a rehearsal: the more, the less a rule's weights depend on chance

/** M_eff under noise alone. */
function averaged(protocol: Protocol, numClients: number, clients: number): number {
  if (isMean(protocol)) return clients;
  return rehearse({ ...protocol, numClients }, [], enoughNumbers)?.effectiveParticipants ?? clients;
}

/** The noise that an inversion counts with in a view: noiseSeen, or 0 where it is ignored. */
export function countedNoise(view: AttackerView, { noise = "ignored" }: Pick<InvertOptions, "noise">): number {
  return noise === "known" ? noiseSeen(view) : 0;
}
