/** @file What servers that keep some updates made their aggregates of, against rounds in which it is known. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { backendReady } from "../core/backend";
import { createRng } from "../core/rng";
import { joinBatches } from "../data/batch";
import { tinyDataset } from "../data/tiny.fixture";
import { aggregators } from "../defense/aggregators";
import type { Aggregator } from "../defense/aggregator";
import { defaultFederation, type FederationConfig } from "../fl/config";
import { train, type RoundRecord } from "../fl/train";
import { matchingLosses } from "./invert";
import { knowingOwnShare, observe } from "./observe";
import { asMeanOf, explainSelections, possibleSelections, showsNothing } from "./selection";
import type { AttackerView } from "./view";

before(backendReady);

const own = 1;
const small: FederationConfig = {
  ...defaultFederation,
  ...{ dataset: "strokes", architecture: "mlp", activation: "tanh", pooling: "average" },
  ...{ numClients: 6, rounds: 1, evaluationImages: 8, maliciouslyCuriousClient: own, assumedMalicious: 1 },
};
const through = { prior: { kind: "pixel" }, through: "protocol" } as const;

async function playedBy(change: Partial<FederationConfig>): Promise<{ view: AttackerView; record: RoundRecord }> {
  const config = { ...small, ...change };
  const [record, after] = await train(config, tinyDataset);
  return { view: knowingOwnShare(observe(record!, after!, config, tinyDataset)), record: record! };
}

const others = ({ kept }: RoundRecord): number[] => kept.filter((client) => client !== own);
const imagesOf = (record: RoundRecord) => joinBatches(others(record).flatMap((client) => record.batches[client]!));

test("keeps: names every number of updates that a rule's mean was of, in rounds of all kinds", () => {
  let tried = 0;
  for (const [name, rule] of Object.entries<Aggregator>(aggregators)) {
    if (rule.keeps === undefined) continue;
    for (const [n, f] of [
      [7, 0],
      [7, 1],
      [9, 3],
    ] as const) {
      // prettier-ignore
      for (let seed = 0; seed < 8; seed++) {
        const rng = createRng("keeps").split(name, n, f, seed);
        const updates = Array.from({ length: n }, (_, i) => rng.normals(24).map((x) => x + (i < seed ? 3 : 0)));
        const options = { f, rng, layers: [[4, 6]], malicious: [2], trusted: 1, iterations: 2, subsampleSize: 12 };
        const read = Object.fromEntries(Object.entries(options).filter(([key]) => !["iterations", "subsampleSize", "trusted"].includes(key) || (rule.reads as readonly string[]).includes(key))); // prettier-ignore
        const given = { f, ...read };
        const { kept } = rule.aggregate(updates, given);
        assert.ok(rule.keeps(n, given).includes(kept.length), `${name}: ${kept.length} of ${n}, f = ${f}`);
        tried++;
      }
    }
  }
  assert.ok(tried >= 8 * 3 * 8);
});

test("possibleSelections: own in or out, of each number of updates; never one without another client", async () => {
  const { view } = await playedBy({ aggregator: "multiKrum" });
  assert.deepEqual(possibleSelections(view), [{ others: 5, own: false }, { others: 4, own: true }]); // prettier-ignore
  const krum = { ...view, protocol: { ...view.protocol!, aggregator: "krum" as const } };
  assert.deepEqual(possibleSelections(krum), [{ others: 1, own: false }]);
  const lost = { ...view, ownUpdate: view.ownUpdate.map(() => NaN) }; // was dropped, and is the one whom the rule suspects
  assert.deepEqual(possibleSelections(lost), [{ others: 5, own: false }]);
  const median = { ...view, protocol: { ...view.protocol!, aggregator: "median" as const } };
  assert.deepEqual(possibleSelections(median), []);
});

const settings: readonly Partial<FederationConfig>[] = [
  {},
  { localSteps: 2, batchSize: 2 },
  { poisoning: "signFlip" },
  {
    privacy: "localDp",
    privacyParameters: { ...defaultFederation.privacyParameters, clipNorm: 0.5, noiseMultiplier: 0 },
  },
];

test("asMeanOf: the images of the clients that were kept have what the view shows, with the own update in it and without", async () => {
  const seen = new Set<boolean>();
  for (const aggregator of ["multiKrum", "dnc", "mda", "oracle", "krum"] as const) {
    for (const change of settings) {
      const { view, record } = await playedBy({ aggregator, ...change });
      if (others(record).length === 0) continue;
      const isIn = record.kept.includes(own);
      seen.add(isIn);
      const mean = asMeanOf(view, { others: others(record).length, own: isIn });
      const [loss] = await matchingLosses([mean], [imagesOf(record)], through);
      assert.ok(loss! < 1e-5, `${aggregator} ${JSON.stringify(change)}: ${loss}`);
      const wrong = asMeanOf(view, { others: others(record).length, own: !isIn });
      const [other] = await matchingLosses([wrong], [imagesOf(record)], through);
      assert.ok(other! > 100 * loss!, `${aggregator} ${JSON.stringify(change)}: ${other}`);
    }
  }
  assert.equal(seen.size, 2);
});

test("explainSelections: finds out of how many, and whether the attacker is in it", async () => {
  for (const change of [{}, { poisoning: "signFlip" }] as const) {
    for (const aggregator of ["multiKrum", "dnc"] as const) {
      const { view, record } = await playedBy({ aggregator, ...change });
      const how = { ...through, own: imagesOf(record), box: true, initialCode: "guess", learningRate: 0.3 } as const;
      const [found] = await explainSelections([view], how, 150);
      const isIn = record.kept.includes(own);
      const right = asMeanOf(view, { others: others(record).length, own: isIn });
      assert.deepEqual(
        [found!.numImages, found!.observedGradient[5]],
        [right.numImages, right.observedGradient[5]],
        `${aggregator} ${JSON.stringify(change)}`,
      );
    }
  }
});

test("showsNothing: of a step that was skipped, and of an aggregate of the own update alone", async () => {
  const { view } = await playedBy({ aggregator: "krum" });
  assert.equal(showsNothing({ ...view, observedGradient: view.ownUpdate.map((x) => x * (1 + 1e-5)) }), true);
  assert.equal(showsNothing({ ...view, observedGradient: view.ownUpdate.map((x) => x * 1.01) }), false);
  assert.equal(showsNothing({ ...view, observedGradient: new Float32Array(view.weights.length) }), true);
});

test("asMeanOf, explainSelections: refuse what no round could have made", async () => {
  const { view } = await playedBy({ aggregator: "multiKrum" });
  assert.throws(
    () => asMeanOf(view, { others: 6, own: false }),
    /asMeanOf: needs fewer than M = 6 others in round 0, got 6/,
  );
  assert.throws(() => asMeanOf({ ...view, ownShare: "counted" }, { others: 2, own: false }), /knows its own share/);
  const { protocol: _protocol, ...without } = view;
  assert.throws(() => possibleSelections(without), /possibleSelections: needs a view with a protocol, got none/);
  const median = { ...view, protocol: { ...view.protocol!, aggregator: "median" as const } };
  await assert.rejects(explainSelections([median], through, 5), /needs views of rules that keep whole updates of others, got median/); // prettier-ignore
  await assert.rejects(explainSelections([view], through, 0), /trialSteps/);
});
