/** @file Rules that keep some updates whole: of how many a broadcast is the mean, and whether the attacker's own is one of them. */
import { ensure, ensureCount, refuse } from "../core/errors";
import type { Aggregator } from "../defense/aggregator";
import { aggregators } from "../defense/aggregators";
import { isFiniteVector, squaredNorms } from "../numerics/linear";
import { serverOf, throughProtocol } from "./forward";
import type { InvertOptions, Reconstruction } from "./inversion";
import { invert } from "./invert";
import { countedNoise } from "./noise";
import { priorOf } from "./decoder";
import type { Protocol } from "./protocol";
import { checkView, imagesPerClient, type AttackerView } from "./view";

/** What a server that keeps some updates may have made its aggregate of. */
export interface Selection {
  /** Clients other than the attacker of whose updates it is the mean, >= 1. */
  readonly others: number;
  /** Whether the attacker's own update is in that mean too. */
  readonly own: boolean;
}

/**
 * Whether a round's aggregate is the plain mean of some updates, whole.
 *
 * @param protocol of the round
 * @returns true for Krum and its kin, and for filters; false for the mean of all, coordinate-wise and weighted rules, and behind
 *   pre-aggregations, which mix updates
 * @example
 * keepsSome(protocolOf({ ...config, aggregator: "dnc" })); // true
 */
export function keepsSome({ aggregator, preAggregations }: Protocol): boolean {
  const { keeps }: Aggregator = aggregators[aggregator];
  return keeps !== undefined && preAggregations.length === 0;
}

/**
 * All that a rule which keeps some updates may have kept.
 *
 * @param view of knowingOwnShare, with a protocol
 * @returns the selections in which there is another client, those of fewer updates first; none where the rule keeps none as a whole
 * @throws InputError when the view is none, or has no protocol
 * @example
 * const known = knowingOwnShare({ ...view, protocol: { ...view.protocol, aggregator: "krum" } });
 * possibleSelections(known); // [{ others: 1, own: false }]
 * @source our choice
 */
export function possibleSelections(view: AttackerView): Selection[] {
  const fn = "possibleSelections";
  checkView(fn, view);
  const { protocol, numClients } = view;
  if (protocol === undefined) return refuse(fn, "needs a view with a protocol", "none", "see protocolOf");
  if (!keepsSome(protocol)) return [];
  const { isIn, clients, rule, parameters, malicious } = serverOf(view);
  return rule.keeps!(clients.length, { ...parameters, malicious }).flatMap((kept) => [
    ...(kept < numClients ? [{ others: kept, own: false }] : []),
    ...(isIn && kept > 1 ? [{ others: kept - 1, own: true }] : []),
  ]);
}

/**
 * The view of a round whose aggregate is the mean of some updates, as of a smaller federation under the mean.
 *
 * g = (sum of the others' n updates + own) / (n + 1)  with the attacker's own update in it, else their mean
 *
 * @param view of knowingOwnShare, with a protocol
 * @param selection of how many others, and whether the attacker's own is in it
 * @returns a view of n tau B images for invert through the protocol, with the attacker's share out where nobody clips; the rest is
 *   shared with the given one
 * @throws InputError when the view is none or does not know its own share, and for a selection of more clients than there are
 * @example
 * asMeanOf(knowingOwnShare(view), { others: 1, own: false }).numImages; // view.localSteps * view.batchSize
 * @source our choice
 */
export function asMeanOf(view: AttackerView, { others, own }: Selection): AttackerView {
  const fn = "asMeanOf";
  checkView(fn, view);
  const { protocol, numClients, ownShare, round } = view;
  if (protocol === undefined) return refuse(fn, "needs a view with a protocol", "none", "see protocolOf");
  ensure(ownShare === "known", fn, "needs a view that knows its own share", ownShare ?? "counted", "see knowingOwnShare"); // prettier-ignore
  ensureCount(fn, "others", others);
  ensure(others < numClients, fn, `needs fewer than M = ${numClients} others in round ${round}`, others);
  const mean = {
    aggregator: "mean",
    aggregatorParameters: {},
    assumedMalicious: 0,
    maliciouslyCuriousClient: 0,
  } as const;
  return throughProtocol(fn, {
    ...view,
    protocol: { ...protocol, ...mean },
    numClients: others + 1,
    numImages: others * imagesPerClient(view),
    ownShare: own ? "known" : "out",
  });
}

/**
 * Whether a round shows nothing of others: the server made no step, or kept the attacker's own update alone.
 *
 * @param view as observe gives it
 * @returns true where the broadcasts are the same, or differ by the attacker's own update to within a thousandth of it
 * @example
 * showsNothing({ ...view, observedGradient: view.weights.map(() => 0) }); // true
 */
export function showsNothing({ observedGradient, ownUpdate, protocol }: AttackerView): boolean {
  if (!observedGradient.some((g) => g !== 0)) return true;
  if (protocol === undefined || !keepsSome(protocol) || !isFiniteVector(ownUpdate)) return false;
  const [[difference], [own]] = [squaredNorms([observedGradient], ownUpdate), squaredNorms([ownUpdate])] as const;
  return difference! <= 1e-6 * own!;
}

/**
 * What servers that keep some updates made their aggregates of, read off the broadcasts: each possible selection is tried for a few
 * steps with labels of its own. Of those whose mean is matched best, to within a factor of three, the one of fewest unknown images is
 * taken: an attacker that did not poison is as good an other as any, so that what n others and itself explain, n + 1 others do too.
 * The noise of a view counts as well: a mean of fewer is noisier, which its likelihood tells.
 *
 * @param views of knowingOwnShare, under rules that keep some updates
 * @param options as of invert; its labels are not read
 * @param trialSteps Adam steps of a trial, >= 1
 * @returns for each view the one of asMeanOf that explains it best, in the order of the views
 * @throws InputError as possibleSelections and invert, and where a rule keeps no update as a whole
 * @example
 * const known = knowingOwnShare({ ...view, protocol: { ...view.protocol, aggregator: "krum" } });
 * const [seen] = await explainSelections([known], { prior: { kind: "pixel" }, own: batch }, 2);
 * seen.protocol.aggregator; // "mean"
 * @source our choice
 */
export async function explainSelections(
  views: readonly AttackerView[],
  options: InvertOptions,
  trialSteps: number,
): Promise<AttackerView[]> {
  const fn = "explainSelections";
  ensureCount(fn, "trialSteps", trialSteps);
  const trials = views.flatMap((view, index) => {
    const possible = possibleSelections(view);
    ensure(possible.length > 0, fn, "needs views of rules that keep whole updates of others", view.protocol!.aggregator); // prettier-ignore
    return possible.map((selection) => ({ index, assumed: asMeanOf(view, selection) }));
  });
  const { labels: _labels, prior, restarts: _restarts, goal: _goal, onStep: _onStep, ...rest } = options;
  const own = priorOf(prior, trials.map(({ index }) => index)); // prettier-ignore
  const how = { ...rest, prior: own, through: "protocol", steps: trialSteps } as const;
  const found = await invert(trials.map(({ assumed }) => assumed), how); // prettier-ignore
  const judged = trials.map((trial, t) => ({ ...trial, misfit: misfit(trial.assumed, found[t]!, options) }));
  return views.map((_, view) => {
    const ofView = judged.filter(({ index }) => index === view);
    const least = Math.min(...ofView.map((trial) => trial.misfit));
    const good = ofView.filter((trial) => trial.misfit <= least + asGood);
    return good.reduce((best, trial) => (trial.assumed.numImages < best.assumed.numImages ? trial : best)).assumed;
  });
}

const asGood = Math.log(3); // a factor in the matching loss, by which trials of one truth differ

/**
 * How badly a view explains its broadcast: the logarithm of the matching loss; where noise s is counted with, minus that of the
 * likelihood, D / (2 s^2) + d log s.
 */
function misfit(view: AttackerView, { matchingLoss }: Reconstruction, options: InvertOptions): number {
  const s = countedNoise(view, options); // of the aggregate: where there is any, clients clip, and the own share is not taken out
  return s === 0 ? Math.log(matchingLoss) : matchingLoss / (2 * s * s) + view.weights.length * Math.log(s);
}
