import assert from "node:assert/strict";
import test from "node:test";
import type { Dataset } from "../core/types";
import { defaultPrivacy } from "../defense/privacy/privacy";
import { spent } from "../defense/privacy/spent";
import { vary } from "../experiment/commonPlan";
import type { LeakagePlan } from "../experiment/measure";
import { planEach } from "../experiment/planned";
import { setting } from "../experiment/settings";
import { defaultFederation, type FederationConfig } from "../fl/config";
import { setUp } from "../fl/federation";
import { budgetRows } from "./budgetRows";

const images = {
  count: 40,
  pixels: new Uint8Array(40 * 4),
  labels: Uint8Array.from({ length: 40 }, (_, i) => i % 2),
};
const dataset = {
  ...{ name: "strokes", source: "embedded", hash: "", inputShape: [1, 2, 2], numClasses: 2, classNames: ["a", "b"] },
  ...{ train: images, test: images },
} as unknown as Dataset;
const small = { dataset: "strokes", architecture: "mlp", numClients: 3, rounds: 2, alpha: 5 } as const;
const plan = { federation: { ...defaultFederation, ...small }, seeds: [1, 2] } as unknown as LeakagePlan;
const withNoise = (
  privacy: "localDp" | "dpSgd",
  noiseMultiplier: number,
  batchSize = 1,
): Partial<FederationConfig> => ({
  ...{ privacy, batchSize, privacyParameters: { ...defaultPrivacy, clipNorm: 0.5, noiseMultiplier } },
});

test("budgetRows: noise is std sqrt(d), divided by the batch under DP-SGD (hand-worked)", () => {
  const plans = planEach(plan, [setting(withNoise("localDp", 2)), setting(withNoise("dpSgd", 2, 4))]);
  const d = setUp(plan.federation, dataset).network.size;
  const noises = budgetRows(plans, dataset).map(({ noise }) => noise as number);
  assert.ok(Math.abs(noises[0]! - Math.sqrt(d)) < 1e-9); // std 2 · 0.5 = 1
  assert.ok(Math.abs(noises[1]! - Math.sqrt(d) / 4) < 1e-9);
});

test("budgetRows: shows the epsilon of the seed that spends most, and none without noise", () => {
  const noisy = vary(plan, withNoise("dpSgd", 3));
  const settings = [{ poisoning: "none" } as const, withNoise("dpSgd", 3), withNoise("localDp", 0)].map((change) => setting(change)); // prettier-ignore
  const plans = planEach(plan, settings);
  const rows = budgetRows(plans, dataset);
  assert.deepEqual(rows.map((row) => row["setting"]), ["local DP, C = 0.5, σ = 0, B = 1", "DP-SGD, C = 0.5, σ = 3, B = 1"]); // prettier-ignore
  assert.deepEqual(
    ["updateServer", "updateClient", "exampleServer", "exampleClient"].map((column) => rows[0]![column]),
    Array(4).fill("none"),
  );
  const each = [1, 2].map((seed) => {
    const { network, partition } = setUp({ ...noisy.federation, seed }, dataset);
    const shardSizes = partition.clients.map(({ length }) => length);
    return spent("dpSgd", noisy.federation.privacyParameters, {
      ...noisy.federation,
      shardSizes,
      dimension: network.size,
    });
  });
  const [low, high] = each.map(({ epsilon }) => epsilon).sort((a, b) => a - b) as [number, number];
  assert.ok(low < high, "the seeds differ, else the test shows nothing");
  const shown = Number(rows[1]!["exampleServer"]);
  assert.ok(Math.abs(shown - high) < 0.005 * high, `${shown} against ${high}`);
});

test("budgetRows: a client sees less than the server under the mean, and as much under a rule that selects", () => {
  const noise = withNoise("localDp", 3);
  const plans = planEach(plan, [setting(noise), setting({ ...noise, aggregator: "krum" })]);
  const rows = budgetRows(plans, dataset);
  const [mean, krum] = [false, true].map((has) => rows.find((row) => /Krum/i.test(String(row["setting"])) === has));
  for (const unit of ["update", "example"]) {
    const [server, client] = [mean![`${unit}Server`], mean![`${unit}Client`]].map(Number) as [number, number];
    assert.ok(client < 0.8 * server, `${client} of ${server}`); // of M - 1 = 2 noises
    assert.equal(krum![`${unit}Client`], krum![`${unit}Server`]);
  }
});

test("budgetRows: refuses plans of which none is private", () => {
  assert.throws(
    () => budgetRows(planEach(plan, [setting({ poisoning: "none" })]), dataset),
    /budgetRows: needs a plan with a privacy mechanism, got none/,
  );
});
