/** @file What an audit says in words: who sees what, what was assumed, what would change the answer. */
import { isName } from "../model/buildNetwork";
import { isMean } from "../reconstruction/protocol";
import type { Audit } from "./audit";
import { many } from "./many";
import { summaryOf } from "./summary";

/**
 * Who sees what in the federation.
 *
 * @param audit see audit
 * @returns sentences
 * @example
 * whoSees(audited).length > 0; // true
 */
export function whoSees({ spec, numClients, rounds }: Audit): string[] {
  const { protocol, localSteps, batchSize } = spec;
  const each = `${many(localSteps * batchSize, "image")} of each client in a round`;
  const secure = protocol.secureAggregation ? " Secure aggregation hides what each sends from the server, and nothing from this difference." : ""; // prettier-ignore
  const rule = isMean(protocol) ? "the mean of what clients sent" : `what the rule "${protocol.aggregator}" made of what clients sent`; // prettier-ignore
  const all = `Every client receives each broadcast. Two consecutive ones differ by the learning rate times ${rule}: ${many(numClients, "client")}, ${each}.${secure}`;
  const isClient = rounds[0]!.seat === "client";
  const own = isClient
    ? `The attacker knows what it sent itself, so that ${numClients === 2 ? "the one other client is" : `the ${numClients - 1} others are`} the question. It sends nothing but what the protocol asks for, and nobody can tell.`
    : `What the attacker sent is not in the spec, so the images of all ${numClients === 1 ? "of the one client" : `${numClients} clients`} are the question: as for a server that sees the sum alone, or a stranger who gets the broadcasts.`; // prettier-ignore
  return [all, own.replace("of all of", "of")];
}

/**
 * What was assumed that the files do not show.
 *
 * @param audit see audit
 * @returns sentences
 * @example
 * whatWasAssumed(audited).length > 0; // true
 */
export function whatWasAssumed({ spec, counted, hasOwn, rounds, notes }: Audit): string[] {
  const { clientWeights, peersWeighAlike, localSteps, momentum, momentumKept, protocol, labels, normalize } = spec;
  const said: string[] = [];
  const checks = rounds.map(({ selfCheck }) => selfCheck).filter((error) => error !== null);
  if (checks.length > 0)
    said.push(`The model, its preprocessing and the local training are as the spec says: what the attacker sent follows from its own images to a relative ${Math.max(...checks).toExponential(1)}.`); // prettier-ignore
  else said.push("The model, its preprocessing and the local training are as the spec says; without own.batch and own.update nothing checks it, and a wrong activation, pooling or normalisation looks like a federation that does not leak."); // prettier-ignore
  if (normalize === null) said.push("Clients train on images in [0, 1] without normalisation.");
  if (counted !== null)
    said.push(`The number of clients was estimated: ${counted.numClients}. The runner-up, ${counted.runnerUp.numClients}, is matched ${ratio(counted)}.`); // prettier-ignore
  if (clientWeights === null) said.push("All clients weigh alike in the mean, and all take part in every round.");
  if (peersWeighAlike) said.push("The other clients weigh alike; only the attacker's own weight is known.");
  if (localSteps > 1) {
    said.push(`Every client takes ${localSteps} local steps from the broadcast, in batches of ${spec.batchSize}.`);
    if (momentum > 0) said.push(`Momentum ${momentum} begins at 0 in every round.`);
  }
  if (momentumKept)
    said.push(`Momentum ${momentum} is kept from round to round, and the first broadcast is the federation's first.`);
  if (protocol.privacy !== "none") said.push(`Clients clip and add noise as the spec says (${protocol.privacy}).`);
  if (labels === null)
    said.push("Labels were not given: they were inferred from the last layer's gradient, and searched for.");
  if (!hasOwn)
    said.push("There are no own images: the search began at noise, other priors were left out, and there is no floor to hold an error against."); // prettier-ignore
  if (isName(spec.model)) said.push(`The model is ${spec.model} with ${spec.activation} and ${spec.pooling} pooling.`);
  return [...said, ...notes.map((note) => `${note[0]!.toUpperCase()}${note.slice(1)}.`)];
}

function ratio({ runnerUp, candidates, numClients }: NonNullable<Audit["counted"]>): string {
  const best = candidates.find((candidate) => candidate.numClients === numClients);
  if (best === undefined) return "not tried, as the labels that were given say how many images there are";
  return `${(runnerUp.matchingLoss / best.matchingLoss).toPrecision(2)} times worse (${runnerUp.matchingLoss.toExponential(1)} against ${best.matchingLoss.toExponential(1)})`; // prettier-ignore
}

/**
 * The answer, and what it rests on.
 *
 * @param audit see audit
 * @returns sentences
 * @example
 * theAnswer(audited).length > 0; // true
 */
export function theAnswer(audit: Audit): string[] {
  const { rmse, floor, leakage, found, labels, labelFloor, matchingLoss } = summaryOf(audit, "");
  const isNoisy = audit.rounds.some(({ noise }) => noise > 0);
  const said: string[] = [];
  if (found === true)
    said.push("Found: the reconstructed images explain the broadcasts as well as the private ones could. Expect what is shown below to be what clients trained on."); // prettier-ignore
  else if (found === false)
    said.push("Not found: the search ended at images that explain the broadcasts worse than the private ones would. That is no proof of safety; a better search may find them."); // prettier-ignore
  else if (isNoisy)
    said.push("Clients add noise, so a match proves nothing: what is shown are the most likely images. Hold them against the floor and the bounds."); // prettier-ignore
  if (rmse !== null) {
    const against = floor === null ? "" : `; a guess without the broadcasts errs by ${floor.toFixed(3)}, so the leakage is ${(100 * leakage!).toFixed(0)} %`; // prettier-ignore
    said.push(`The error is ${rmse.toFixed(3)} per pixel (RMSE, pixels in [0, 1])${against}.`);
  }
  if (labels !== null)
    said.push(`${(100 * labels).toFixed(0)} % of the labels are right; guessing would get ${(100 * labelFloor!).toFixed(0)} %.`); // prettier-ignore
  said.push(`Matching loss: ${matchingLoss.toExponential(2)}.`);
  if (rmse === null && found === true)
    said.push("Without the truth this rests on the match alone: it is as close as float precision lets it be. With very many images and few weights other images could match as well."); // prettier-ignore
  return said;
}

/**
 * What would change the answer.
 *
 * @param audit see audit
 * @returns sentences
 * @example
 * whatWouldChange(audited).length > 0; // true
 */
export function whatWouldChange(audit: Audit): string[] {
  const { spec, rounds, numClients } = audit;
  const { protocol, own, localSteps } = spec;
  const said: string[] = [];
  if (own.update === null && own.batch === null)
    said.push("With own.update or own.batch the attacker takes its own share out, the spec is checked, and fewer images are left to be found."); // prettier-ignore
  else if (own.update === null || own.batch === null)
    said.push("With both own.update and own.batch the spec is checked against what the client knows.");
  if (own.images === null) said.push("With own.images the search begins at better guesses, other priors are tried, and there is a floor."); // prettier-ignore
  if (localSteps > 1 && spec.labels === null)
    said.push("With labels, client by client and step by step, the search through several local steps is much easier: the broadcasts tell which labels there are, and not in which order. Do not take a search that failed without them for safety."); // prettier-ignore
  if (spec.truth === null) said.push("With truth the error itself is measured.");
  if (protocol.privacy === "none")
    said.push("Clipping alone hides little from this attack; noise at the clients (local differential privacy) bounds what anybody can reconstruct. Try it in the spec's protocol on a federation that was trained with it."); // prettier-ignore
  said.push(`More images behind a broadcast are harder to tell apart: here ${rounds[0]!.labels.length || "none"}, of ${many(numClients, "client")}. Larger batches and more clients per round raise that number; more local steps${localSteps === 1 ? " than one" : ""} make the search harder, and prove nothing.`); // prettier-ignore
  if (rounds.some(({ found }) => found === false))
    said.push('More search: "attacker": { "steps": 3000, "restarts": 16 }, labels if they are known, or another normalisation, pooling or activation if the spec is unsure.'); // prettier-ignore
  said.push(
    "Secure aggregation does not change it: it hides single updates from the server, not their mean from the clients.",
  );
  return said;
}
