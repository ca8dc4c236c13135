/** @file From what was recorded to what the attacker sees of it. */
import { ensure, refuse } from "../core/errors";
import { createRng } from "../core/rng";
import type { Batch } from "../core/types";
import { volume } from "../model/stack";
import { throughProtocol } from "../reconstruction/forward";
import { knowingOwnShare } from "../reconstruction/observe";
import { isMean } from "../reconstruction/protocol";
import { asMeanOf, keepsSome } from "../reconstruction/selection";
import { imagesPerClient, type AttackerView } from "../reconstruction/view";
import type { RecordedRound, Recording } from "./recording";
import type { AuditSpec } from "./spec";

const FN = "audit";

/** Whose images are looked for. */
export type Seat = "client" | "outsider";

/** A round as the attacker sees it. */
export interface Seen {
  /** As attack takes it. */
  readonly view: AttackerView;
  /** Of a rule that keeps some updates: as attack takes it. */
  readonly granted?: AttackerView;
  /** "client" where its own share is known, and is no question; else everything is looked for that is in the aggregate. */
  readonly seat: Seat;
}

/**
 * What the attacker sees of each round.
 *
 * A client that knows what it sent takes it out, or counts with it. Who does not, be it a client that kept nothing, a server or a
 * stranger, sees the mean of all M: to the library the peers of one client more, whose share is out.
 *
 * @param spec see readSpec
 * @param recording its files
 * @param numClients M, given or estimated
 * @returns one per round
 * @throws InputError where a rule other than the mean hides what the attacker does not know
 * @example
 * const spec = await readSpec(join(projectRoot, "examples", "one-image-each.json"));
 * const [seen] = viewsOf(spec, await readRecording(spec), 5);
 * seen.view.numImages; // 4
 */
export function viewsOf(spec: AuditSpec, recording: Recording, numClients: number): Seen[] {
  const { momentumKept: kept, momentum } = spec;
  const sent = recording.rounds.map(({ ownUpdate }) => ownUpdate);
  const differences = recording.rounds.map(({ difference }) => difference);
  const fresh = (all: readonly (Float32Array | null)[], k: number): Float32Array | null => {
    const [now, before] = [all[k]!, all[k - 1]];
    return kept && now && before ? now.map((m, i) => m - momentum * before[i]!) : now; // g_k = m_k - mu m_(k-1)
  };
  return recording.rounds.map((recorded, k) =>
    viewOf(
      spec,
      { ...recorded, difference: fresh(differences, k)!, ownUpdate: fresh(sent, k) },
      {
        numClients,
        stock: stockOf(spec, recording),
        previous: differences[k - 1] ?? null,
      },
    ),
  );
}

/** What a view needs beyond its round. */
interface Around {
  readonly numClients: number;
  readonly stock: Batch;
  readonly previous: Float32Array | null;
}

/** What the attacker sees of one round. */
function viewOf(spec: AuditSpec, recorded: RecordedRound, { numClients, stock, previous }: Around): Seen {
  const { activation, pooling, inputShape, numClasses, normalize, learningRate, batchSize, localSteps, protocol } =
    spec;
  const { round, model, weights, difference, ownUpdate, ownBatch } = recorded;
  const localBatches = ownBatch === null ? localSteps : ownBatch.size / batchSize;
  const momentum = spec.momentumKept ? 0 : spec.momentum;
  const common = {
    ...{ round, architecture: model, activation, pooling, inputShape, numClasses },
    ...(normalize && { normalize }),
    ...{ weights, observedGradient: difference, ownBatch: ownBatch ?? stock },
    ...{ batchSize, localSteps, localBatches, learningRate, momentum, previous },
  };
  const perClient = imagesPerClient(common);
  const { clientWeights } = spec;
  if (ownUpdate === null) {
    ensure(isMean(protocol), FN, `needs own.update or own.batch under ${protocol.aggregator}, where the own share cannot be left open`, "neither"); // prettier-ignore
    const view: AttackerView = {
      ...common,
      ownUpdate: new Float32Array(weights.length),
      numClients: numClients + 1, // and one more, the attacker, whose share is out
      ...(clientWeights && { clientWeights: [...clientWeights, clientWeights[0]!] }),
      numImages: numClients * perClient,
      protocol: { ...protocol, maliciouslyCuriousClient: numClients },
      ownShare: "out",
    };
    return { view, seat: "outsider" };
  }
  ensure(numClients >= 2, FN, "needs a peer whose images could be seen", `numClients ${numClients} and an own update`, "leave own.update and own.batch out to audit that update itself"); // prettier-ignore
  const all: AttackerView = {
    ...common,
    ...{ ownUpdate, numClients, numImages: numClients * perClient, protocol },
    ...(clientWeights && { clientWeights }),
  };
  const known = knowingOwnShare(all);
  if (!keepsSome(protocol)) return { view: throughProtocol(FN, known), seat: "client" };
  return { view: known, granted: asMeanOf(known, { others: numClients - 1, own: true }), seat: "client" };
}

/**
 * Labelled images for the model's usual output: the attacker's own, else noise, eight per class.
 *
 * @param spec of which inputShape and numClasses are read
 * @param recording of which own is read
 * @returns at least one
 * @example
 * stockOf({ inputShape: [1, 2, 2], numClasses: 3 }, { own: null }).size; // 24
 */
export function stockOf(
  { inputShape, numClasses }: Pick<AuditSpec, "inputShape" | "numClasses">,
  { own }: Pick<Recording, "own">,
): Batch {
  if (own !== null) return own;
  const size = 8 * numClasses;
  const rng = createRng("audit").split("stock");
  return {
    images: Float32Array.from({ length: size * volume(inputShape) }, () => rng.uniform()),
    labels: Int32Array.from({ length: size }, (_, i) => i % numClasses),
    size,
  };
}

/**
 * Refuses images to be held against a view that are not as many as it is asked for.
 *
 * @param field of the spec
 * @param count of images
 * @param seen see viewsOf
 * @throws InputError saying whose images are asked for
 * @example
 * checkCount("truth", 3, { view, seat: "client" }); // undefined; a view of three images
 */
export function checkCount(field: string, count: number, { view, seat, granted }: Seen): void {
  if (count === view.numImages) return;
  if (granted !== undefined && field === "labels")
    return refuse(FN, `needs labels left out under ${view.protocol!.aggregator}, which keeps some updates`, `${count} labels`, "whom it kept is found out with them"); // prettier-ignore
  const whose =
    seat === "client" ? "all peers, without the attacker's own" : "all clients, as the own share is not known";
  refuse(FN, `needs ${view.numImages} images in ${field}, those of ${whose}`, count, "client by client, each in the order of its steps"); // prettier-ignore
}
