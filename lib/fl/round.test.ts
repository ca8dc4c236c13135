import assert from "node:assert/strict";
import { before, test } from "node:test";
import { backendReady } from "../core/backend";
import { createRng } from "../core/rng";
import { tinyDataset } from "../data/tiny.fixture";
import { defaultPrivacy } from "../defense/privacy/privacy";
import { lossAndGradient } from "../model/network";
import { defaultFederation, type FederationConfig } from "./config";
import { drawBatches, firstBroadcast, setUp } from "./federation";
import { runRound, type Exchange } from "./round";
import { aggregateRound } from "./server";
import { train } from "./train";

before(backendReady);

const base: FederationConfig = {
  ...defaultFederation,
  architecture: "mlp",
  activation: "tanh",
  partition: "iid",
  numClients: 5,
  maliciouslyCuriousClient: 3,
  rounds: 2,
  batchSize: 4,
  learningRate: 0.1,
  evaluationImages: 30,
};
const norm = (x: Float32Array): number => Math.hypot(...x);
const mean = (vectors: readonly Float32Array[]): number[] =>
  Array.from(vectors[0]!, (_, i) => vectors.reduce((sum, vector) => sum + vector[i]!, 0) / vectors.length);

function play(config: FederationConfig): Exchange & { readonly gradients: readonly Float32Array[] } {
  const federation = setUp(config, tinyDataset);
  const weights = firstBroadcast(federation);
  const batches = drawBatches(federation, tinyDataset, 0);
  const gradients = batches.map(([first]) => lossAndGradient(federation.network, [weights], [first!]).gradients[0]!);
  return { ...runRound(federation, { weights, batches, memory: {}, rng: createRng(1) }), gradients };
}

function assertClose(actual: ArrayLike<number>, expected: ArrayLike<number>, what: string): void {
  assert.equal(actual.length, expected.length);
  const worst = Array.from(expected).reduce((most, value, i) => Math.max(most, Math.abs(value - actual[i]!)), 0);
  assert.ok(worst <= 1e-6, `${what}: off by ${worst}`); // a NaN is not <= anything
}

test("runRound: a passive client sends its gradient, and the mean keeps everybody", () => {
  const { sent, update, kept, effectiveParticipants, dropped, gradients } = play(base);
  sent.forEach((vector, client) => assertClose(vector, gradients[client]!, `client ${client}`));
  assertClose(update, mean(gradients), "the mean");
  assert.deepEqual([kept, effectiveParticipants, dropped], [[0, 1, 2, 3, 4], 5, []]);
});

test("runRound: sign flipping changes what the malicious client sends, and nobody else's update", () => {
  const { sent, update, gradients } = play({ ...base, poisoning: "signFlip", poisoningParameters: { scale: 3 } });
  const expected = gradients.map((gradient, client) => gradient.map((g) => (client === 3 ? -3 * g : g)));
  sent.forEach((vector, client) => assertClose(vector, expected[client]!, `client ${client}`));
  assertClose(update, mean(expected), "the mean");
});

test("runRound: an omniscient rule sees the honest updates, and a backdoor trains on a poisoned batch", () => {
  const omniscient = play({ ...base, poisoning: "omniscientSignFlip", poisoningParameters: { scale: 2 } });
  const honest = omniscient.gradients.filter((_, client) => client !== 3);
  assertClose(
    omniscient.sent[3]!,
    mean(honest).map((g) => -2 * g),
    "-2 times the honest mean",
  );
  const backdoor = play({ ...base, poisoning: "backdoor" });
  assertClose(backdoor.sent[0]!, backdoor.gradients[0]!, "an honest client");
  const moved = norm(backdoor.sent[3]!.map((g, i) => g - backdoor.gradients[3]![i]!));
  assert.ok(moved > 0.01 * norm(backdoor.gradients[3]!), "the poisoned batch has the gradient of the clean one");
});

test("runRound: a rule that tries out the server's aggregator meets the updates in the clients' order", () => {
  // The oracle drops client 3 whatever it sends, so no scale does harm, and the search ends where it began or anywhere: the
  // aggregate stays the honest mean.
  const { update, gradients, kept } = play({ ...base, poisoning: "optimalAlie", aggregator: "median" });
  assert.deepEqual(kept, []);
  const honest = gradients.filter((_, client) => client !== 3);
  const between = update.every((u, i) => {
    const values = honest.map((vector) => vector[i]!);
    return u >= Math.min(...values) - 1e-6 && u <= Math.max(...values) + 1e-6;
  });
  assert.ok(between, "the median of four honest clients and one other lies among the honest");
});

/** An honest client's noise, and the poisoning one's: what the same round sends with and without. */
function noiseOf(config: FederationConfig, noiseMultiplier: number): Float32Array[] {
  const at = (sigma: number): Exchange =>
    play({ ...config, privacyParameters: { ...config.privacyParameters, noiseMultiplier: sigma } });
  const [noisy, silent] = [at(noiseMultiplier), at(0)];
  return noisy.sent.map((vector, client) => vector.map((x, i) => x - silent.sent[client]![i]!));
}
const meanSquare = (x: Float32Array): number => x.reduce((sum, value) => sum + value * value, 0) / x.length;

test("runRound: under local DP everybody clips, and a client that poisons does so after the poison", () => {
  const privacyParameters = { ...defaultPrivacy, clipNorm: 0.01, noiseMultiplier: 0 };
  const config = { ...base, privacy: "localDp" as const, privacyParameters };
  for (const { sent } of [play(config), play({ ...config, poisoning: "signFlip", poisoningParameters: { scale: 6 } })])
    for (const vector of sent) assert.ok(Math.abs(norm(vector) - 0.01) < 1e-6); // no kappa lifts it above the others
  const flipped = play({ ...config, poisoning: "signFlip", poisoningParameters: { scale: 6 } });
  assertClose(
    flipped.sent[3]!,
    flipped.gradients[3]!.map((g) => (-0.01 * g) / norm(flipped.gradients[3]!)),
    "its update, flipped and clipped",
  );
  const short = play({ ...config, poisoning: "signFlip", poisoningParameters: { scale: 1e-3 } });
  assertClose(short.sent[3]!, short.gradients[3]!.map((g) => -1e-3 * g), "poisoned before the clip: not -1e-3 times the clipped one"); // prettier-ignore
  for (const poisoning of ["none", "signFlip"] as const) {
    const noise = noiseOf({ ...config, poisoning }, 5);
    for (const vector of noise) assert.ok(Math.abs(meanSquare(vector) / 0.05 ** 2 - 1) < 0.1); // (5 · 0.01)^2
    assert.notDeepEqual(noise[0], noise[3]);
  }
});

test("runRound: a poisoning client that does not follow the protocol sends its whole poison", () => {
  const privacyParameters = { ...defaultPrivacy, clipNorm: 0.01, noiseMultiplier: 0 };
  for (const privacy of ["localDp", "dpSgd"] as const) {
    const free = { ...base, privacy, privacyParameters, poisonerFollowsPrivacy: false };
    const passive = play(free);
    for (const vector of passive.sent) assert.ok(norm(vector) <= 0.01 + 1e-6, "a passive client follows it in all");
    const poisoned = play({ ...free, poisoning: "signFlip" });
    assertClose(poisoned.sent[0]!, passive.sent[0]!, "an honest client");
    assertClose(
      poisoned.sent[3]!,
      poisoned.gradients[3]!.map((g) => -g),
      "its whole update, flipped",
    );
  }
});

test("runRound: under DP-SGD a poison keeps the bound and carries the noise of the protocol", () => {
  const privacyParameters = { ...defaultPrivacy, clipNorm: 0.01, noiseMultiplier: 0 };
  const config = { ...base, privacy: "dpSgd" as const, privacyParameters };
  const passive = play(config);
  for (const vector of passive.sent) assert.ok(norm(vector) <= 0.01 + 1e-6);
  const flipped = play({ ...config, poisoning: "signFlip" });
  assertClose(flipped.sent[0]!, passive.sent[0]!, "an honest client");
  assertClose(
    flipped.sent[3]!,
    passive.sent[3]!.map((g) => -g),
    "its clipped gradients, flipped",
  );
  const scaled = play({ ...config, localSteps: 2, poisoning: "signFlip", poisoningParameters: { scale: 50 } });
  assert.ok(Math.abs(norm(scaled.sent[3]!) - 0.02) < 1e-6); // tau C, the longest that two clipped steps can sum to
  for (const localSteps of [1, 4]) {
    const noise = noiseOf({ ...config, localSteps, poisoning: "backdoor" }, 20);
    // Each of tau steps adds (20 · 0.01 / 4)^2. Steps on noisy models differ a little from those on silent ones.
    for (const client of [0, 3]) {
      const ratio = meanSquare(noise[client]!) / (localSteps * 0.05 ** 2);
      assert.ok(Math.abs(ratio - 1) < 0.1, `client ${client} after ${localSteps} steps: ${ratio}`);
    }
  }
});

test("runRound: with one image and one step, a poisoner follows local DP and DP-SGD to the same message", () => {
  const common = { ...base, batchSize: 1, poisoning: "signFlip" as const, poisoningParameters: { scale: 3 } };
  const privacyParameters = { ...defaultPrivacy, clipNorm: 0.01, noiseMultiplier: 0 };
  const [local, sgd] = (["localDp", "dpSgd"] as const).map((privacy) =>
    play({ ...common, privacy, privacyParameters }),
  );
  assertClose(local!.sent[3]!, sgd!.sent[3]!, "the same clip of the same gradient");
});

test("runRound: what cannot be clipped is sent as it is, and a poisoner who tries the server's rule tries what it would send", () => {
  const privacyParameters = { ...defaultPrivacy, clipNorm: 0.01, noiseMultiplier: 1 };
  for (const privacy of ["localDp", "dpSgd"] as const) {
    const config = { ...base, privacy, privacyParameters };
    assert.deepEqual(play({ ...config, poisoning: "infinity" }).dropped, [3]);
    const tried = play({ ...config, privacyParameters: { ...privacyParameters, noiseMultiplier: 0 }, poisoning: "optimalAlie", aggregator: "mean" }); // prettier-ignore
    assert.ok(norm(tried.sent[3]!) <= 0.01 + 1e-6);
  }
});

test("aggregateRound: leaves out an update that is not finite and speaks of the clients that are left, or stops", async () => {
  const infinite = { ...base, poisoning: "infinity" as const };
  const { dropped, kept, update, gradients, effectiveParticipants } = play(infinite);
  assert.deepEqual([dropped, kept, effectiveParticipants], [[3], [0, 1, 2, 4], 4]);
  assertClose(update, mean(gradients.filter((_, client) => client !== 3)), "the others' mean");
  await assert.rejects(train({ ...infinite, nonFinite: "stop" }, tinyDataset), {
    name: "InputError",
    message: 'train: needs finite updates, got another from client 3; set nonFinite: "drop" (round 0)',
  });
  const krum = play({ ...infinite, aggregator: "krum", assumedMalicious: 0, numClients: 5 });
  assert.equal(krum.kept.length, 1);
  assertClose(krum.update, krum.gradients[krum.kept[0]!]!, "the client that Krum names");
});

test("aggregateRound: hands the aggregator its parameters, its pre-aggregations and the last aggregate", () => {
  const federation = setUp(
    { ...base, aggregator: "centeredClipping", aggregatorParameters: { clipNorm: 1 } },
    tinyDataset,
  );
  const sent = [0, 0, 0, 0, 100].map((x) => Float32Array.of(x));
  const round = { weights: Float32Array.of(0), rng: createRng(1) };
  const first = aggregateRound(federation, sent, { ...round, memory: {} });
  const second = aggregateRound(federation, sent, { ...round, memory: { previous: Float32Array.of(50) } });
  assert.ok(
    Math.abs(first.update[0]!) <= 1 && Math.abs(second.update[0]!) >= 45,
    "one step of at most 1 from the last aggregate",
  );
  assert.deepEqual(first.memory.previous, first.update);
  const forgetful = setUp({ ...base, aggregator: "median" }, tinyDataset);
  assert.deepEqual(aggregateRound(forgetful, sent, { ...round, memory: {} }).memory, {}, "the median reads none");
  const bucketed = setUp({ ...base, preAggregations: ["nnm"], aggregator: "mean", assumedMalicious: 1 }, tinyDataset);
  assert.equal(aggregateRound(bucketed, sent, { ...round, memory: {} }).kept.includes(4), true);
});

test("train: reports the backdoor's success each round, and nothing where there is no backdoor", async () => {
  const [passive] = await train({ ...base, rounds: 1 }, tinyDataset);
  assert.equal(passive!.attackSuccess, null);
  const records = await train({ ...base, rounds: 1, poisoning: "backdoor" }, tinyDataset);
  for (const { attackSuccess } of records)
    assert.ok(attackSuccess !== null && attackSuccess >= 0 && attackSuccess <= 1);
});
