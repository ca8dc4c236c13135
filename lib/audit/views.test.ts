import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { backendReady } from "../core/backend";
import { joinBatches } from "../data/batch";
import type { Batch } from "../core/types";
import { buildNetwork } from "../model/buildNetwork";
import { createRng } from "../core/rng";
import { initialWeights } from "../model/network";
import { matchingLosses } from "../reconstruction/invert";
import { clientUpdate } from "./clientUpdate";
import { record, type SmallRecording } from "./federation.fixture";
import { readRecording, type Recording, type RecordedRound } from "./recording";
import { checkOwn } from "./selfCheck";
import { checkSpec, type AuditSpec } from "./spec";
import { checkCount, viewsOf } from "./views";

let one: SmallRecording;
before(async () => {
  await backendReady();
  one = await record();
});
after(() => one.remove());

const seenIn = async (changes: Record<string, unknown>, numClients = 3) => {
  const spec = checkSpec({ ...one.spec, ...changes }, one.folder);
  return viewsOf(spec, checkOwn(spec, await readRecording(spec)).recording, numClients)[0]!;
};
const lossOf = async (view: Parameters<typeof matchingLosses>[0][0], images: Batch): Promise<number> =>
  (await matchingLosses([view], [images], { prior: { kind: "pixel" }, through: "protocol" }))[0]!;

test("viewsOf: the others' images explain the view of who knows its share, and everybody's that of who does not", async () => {
  const [mine, ...others] = one.records[0]!.batches.map((batches) => joinBatches(batches));
  const [known, open] = [await seenIn({}), await seenIn({ own: null })];
  assert.deepEqual([known.seat, open.seat], ["client", "outsider"]);
  assert.ok((await lossOf(known.view, joinBatches(others))) < 1e-6);
  assert.ok((await lossOf(open.view, joinBatches([mine!, ...others]))) < 1e-6);
  checkCount("truth", 2, known);
  checkCount("truth", 3, open);
  assert.throws(() => checkCount("truth", 3, known), /needs 2 images in truth, those of all peers, without the attacker's own, got 3/); // prettier-ignore
  assert.throws(() => checkCount("truth", 2, open), /needs 3 images in truth, those of all clients, as the own share is not known, got 2/); // prettier-ignore
});

test("viewsOf: a batch alone is enough to take the share out", async () => {
  const own = { ...(one.spec["own"] as object), update: null };
  const { view } = await seenIn({ own });
  const { view: given } = await seenIn({});
  view.observedGradient.forEach((g, i) => assert.ok(Math.abs(g - given.observedGradient[i]!) < 1e-5));
});

test("viewsOf: refuses a rule other than the mean for who does not know its share, and a client without peers", async () => {
  await assert.rejects(seenIn({ own: null, protocol: { aggregator: "median" } }), /needs own.update or own.batch under median/); // prettier-ignore
  await assert.rejects(seenIn({ numClients: 1 }, 1), /needs a peer whose images could be seen, got numClients 1 and an own update/); // prettier-ignore
});

/** Three rounds of clients of weights 4, 9 and 2 that keep their momentum, or not. */
function trained(
  momentum: number,
  kept: boolean,
  localSteps: number,
): { spec: AuditSpec; recording: Recording; others: Batch[] } {
  const spec = checkSpec(
    {
      ...one.spec,
      ...{ clientWeights: [4, 9, 2], momentum: { value: momentum, kept }, localSteps, own: { update: "x.npy" }, truth: null },
    },
    one.folder,
  ); // prettier-ignore
  const network = buildNetwork("mlp", [1, 4, 4], 3, { activation: "tanh" });
  const rng = createRng("views");
  const image = (label: number): Batch => ({ images: Float32Array.from({ length: 16 }, () => rng.uniform()), labels: Int32Array.of(label), size: 1 }); // prettier-ignore
  let weights = initialWeights(network.layer, rng.split("w"), "variancePreserving", 1);
  const sent: Float32Array[] = [0, 1, 2].map(() => new Float32Array(network.size));
  const rounds: RecordedRound[] = [];
  const others: Batch[] = [];
  for (let round = 0; round < 3; round++) {
    const batches = [0, 1, 2].map((label) => joinBatches(Array.from({ length: localSteps }, () => image(label))));
    const how = { learningRate: 0.1, localSteps, momentum: kept ? 0 : momentum, batchSize: 1 };
    batches.forEach((batch, m) => {
      const update = clientUpdate(network, weights, batch, how);
      sent[m] = kept ? update.map((g, i) => g + momentum * sent[m]![i]!) : update;
    });
    const [a, b, c] = sent as [Float32Array, Float32Array, Float32Array];
    const difference = a.map((x, i) => (4 * x + 9 * b[i]! + 2 * c[i]!) / 15);
    rounds.push({ round, files: ["", ""], model: "mlp", weights, difference, ownUpdate: a, ownBatch: null, rounding: 2 ** -24, labels: null, truth: null }); // prettier-ignore
    others.push(joinBatches(batches.slice(1)));
    weights = weights.map((w, i) => w - 0.1 * difference[i]!);
  }
  return { spec, recording: { rounds, own: null, notes: [] }, others };
}

for (const [what, momentum, kept, localSteps] of [
  ["momentum that is kept", 0.9, true, 1],
  ["momentum that begins at 0 in every round", 0.9, false, 1],
  ["three local steps", 0, false, 3],
  ["three local steps with momentum", 0.9, false, 3],
] as const)
  test(`viewsOf: of unequal weights and ${what} the others' images explain every round`, async () => {
    const { spec, recording, others } = trained(momentum, kept, localSteps);
    for (const [k, { view }] of viewsOf(spec, recording, 3).entries())
      assert.ok((await lossOf(view, others[k]!)) < 1e-6, `round ${k}`);
  });
