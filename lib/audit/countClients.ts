/** @file How many clients there are, where nobody said: as many as let the own share be taken out. */
import { ensure } from "../core/errors";
import { attackers } from "../reconstruction/attackers";
import { invert } from "../reconstruction/invert";
import type { Batch } from "../core/types";
import type { AttackerView } from "../reconstruction/view";

/** A number of clients that was tried. */
export interface Candidate {
  /** M. */
  readonly numClients: number;
  /** Of a short search that takes M clients for granted. */
  readonly matchingLoss: number;
}

/** A number of clients, and how well others do. */
export interface CountedClients {
  /** The fewest that match as well as any, to within a factor of ten. */
  readonly numClients: number;
  /** The best of the others, but for multiples, of which every image behind the view can be several. */
  readonly runnerUp: Candidate;
  /** All of them, those of few clients first. */
  readonly candidates: readonly Candidate[];
}

const trialSteps = 200;
const few = 10; // candidates at a time; more are tried where the best one is the last
const most = 50; // clients
const asGood = 10;
const clear = 100; // times a runner-up is worse; else the best few are tried for longer
const [inFinal, finalSteps] = [4, 800];

/**
 * Estimates the number of clients behind a plain mean.
 *
 * Of M clients (M g - u) / (M - 1) is the others' mean; of another number a part of u stays, or is missing, which no images of others
 * explain. Each M is tried for a few steps.
 *
 * @param viewFor the view of an attacker among so many clients, whose share is out
 * @param own labelled images for guesses and labels
 * @param labels of the private images, where they are given; their number then says M
 * @param perClient images of a client
 * @returns the number and what speaks for it, owned by the caller
 * @throws InputError as invert, and where the labels are not whole clients'
 * @example
 * const counted = await countClients(() => withoutOwnShare(view), batch, new Int32Array(view.numImages - 1), 1);
 * counted.numClients; // view.numClients; one image each
 */
export async function countClients(
  viewFor: (numClients: number) => AttackerView,
  own: Batch,
  labels: Int32Array | null,
  perClient: number,
): Promise<CountedClients> {
  if (labels !== null) {
    const isWhole = labels.length % perClient === 0;
    ensure(isWhole, "audit", `needs labels of whole clients of ${perClient} images, as numClients is null`, labels.length); // prettier-ignore
    const numClients = labels.length / perClient + 1;
    return { numClients, runnerUp: { numClients: numClients + 1, matchingLoss: Infinity }, candidates: [] };
  }
  const { box, initialCode, learningRate, totalVariation } = attackers.strongest;
  const how = {
    box,
    initialCode,
    learningRate,
    totalVariation,
    prior: { kind: "pixel" },
    through: "protocol",
  } as const;
  const lossesOf = async (tried: readonly number[], steps: number): Promise<Candidate[]> => {
    const found = await invert(tried.map(viewFor), { ...how, own, steps });
    return found.map(({ matchingLoss }, i) => ({ numClients: tried[i]!, matchingLoss }));
  };
  const candidates: Candidate[] = [];
  for (;;) {
    const from = candidates.length + 2;
    candidates.push(...(await lossesOf(Array.from({ length: few }, (_, i) => from + i), trialSteps))); // prettier-ignore
    const { numClients } = chosen(candidates);
    if (numClients < candidates.at(-1)!.numClients - 1 || candidates.length + 1 >= most) break;
  }
  if (chosen(candidates).ratio < clear) {
    const finalists = [...candidates].sort((a, b) => a.matchingLoss - b.matchingLoss).slice(0, inFinal);
    const longer = await lossesOf(finalists.map(({ numClients }) => numClients), finalSteps); // prettier-ignore
    for (const again of longer) candidates[again.numClients - 2] = again;
  }
  const { numClients, runnerUp } = chosen(candidates);
  return { numClients, runnerUp, candidates };
}

/** The fewest that match as well as any, the best of the others but for its multiples, and by how much that is worse. */
function chosen(candidates: readonly Candidate[]): { numClients: number; runnerUp: Candidate; ratio: number } {
  const least = Math.min(...candidates.map(({ matchingLoss }) => matchingLoss));
  const best = candidates.find(({ matchingLoss }) => matchingLoss <= asGood * least)!;
  const others = candidates.filter(({ numClients }) => numClients % best.numClients !== 0);
  const runnerUp = others.reduce((a, b) => (b.matchingLoss < a.matchingLoss ? b : a));
  return { numClients: best.numClients, runnerUp, ratio: runnerUp.matchingLoss / best.matchingLoss };
}
