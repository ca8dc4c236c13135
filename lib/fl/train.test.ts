import assert from "node:assert/strict";
import { before, test } from "node:test";
import { backendReady, tf } from "../core/backend";
import { InputError } from "../core/errors";
import type { Dataset } from "../core/types";
import { batchOf } from "../data/batch";
import { tinyDataset } from "../data/tiny.fixture";
import { aggregators, type AggregatorName } from "../defense/aggregators";
import { evaluate, initialWeights, lossAndGradient } from "../model/network";
import { defaultFederation, type FederationConfig } from "./config";
import { drawBatches, setUp } from "./federation";
import { RunEnded, stepAgainst, train, type RoundRecord } from "./train";

before(backendReady);

const base: FederationConfig = {
  ...defaultFederation,
  architecture: "mlp",
  activation: "tanh",
  partition: "iid",
  numClients: 3,
  rounds: 3,
  batchSize: 4,
  learningRate: 0.1,
  evaluationImages: 30,
};

function assertClose(actual: Float32Array, expected: Float32Array, tolerance: number, what: string): void {
  const largest = actual.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[i]!)), 0);
  assert.ok(largest <= tolerance, `${what}: off by ${largest}`); // a NaN is not <= anything
}

test("train: FedSGD steps against the mean of the clients' gradients computed one at a time", async () => {
  const records = await train(base, tinyDataset);
  const { network } = setUp(base, tinyDataset);
  for (const [k, { weights, batches, ownUpdate }] of records.slice(0, -1).entries()) {
    const gradients = batches.map((own) => lossAndGradient(network, [weights], own).gradients[0]!);
    const expected = weights.map((w, i) => w - (0.1 * gradients.reduce((sum, g) => sum + g[i]!, 0)) / 3);
    assertClose(records[k + 1]!.weights, expected, 1e-6, `after round ${k}`);
    assertClose(ownUpdate!, gradients[0]!, 1e-6, `own update of round ${k}`);
  }
});

test("train: FedAvg averages the clients' weights after an explicit loop of three local steps", async () => {
  const config = { ...base, localSteps: 3, rounds: 2 };
  const records = await train(config, tinyDataset);
  const { network } = setUp(config, tinyDataset);
  for (const [k, { weights, batches }] of records.slice(0, -1).entries()) {
    const locals = batches.map((own) => {
      assert.equal(own.length, 3);
      return own.reduce((local, batch) => {
        const gradient = lossAndGradient(network, [local], [batch]).gradients[0]!;
        return local.map((w, i) => w - 0.1 * gradient[i]!);
      }, weights);
    });
    const expected = weights.map((_, i) => locals.reduce((sum, local) => sum + local[i]!, 0) / 3);
    assertClose(records[k + 1]!.weights, expected, 1e-6, `after round ${k}`);
  }
});

test("train: gives every aggregation rule what it needs of the round, from the first round on", async () => {
  const robust = {
    ...base,
    numClients: 10,
    assumedMalicious: 1,
    rounds: 2,
    evaluationImages: 10,
    poisoning: "signFlip",
  } as const;
  for (const aggregator of Object.keys(aggregators) as AggregatorName[]) {
    const trusted = aggregator === "moNna" ? { aggregatorParameters: { trusted: 1 } } : {}; // whom to trust has no default
    const records = await train({ ...robust, ...trusted, aggregator }, tinyDataset);
    assert.ok(records[1]!.effectiveParticipants >= 1, aggregator);
  }
});

test("train: records rounds + 1 broadcasts, of which the last sent nothing", async () => {
  const config = { ...base, maliciouslyCuriousClient: 2 };
  const seen: [RoundRecord, number][] = [];
  const records = await train(config, tinyDataset, { onRound: (record, rounds) => seen.push([record, rounds]) });
  assert.deepEqual(
    records.map(({ round }) => round),
    [0, 1, 2, 3],
  );
  assert.deepEqual(
    seen,
    records.map((record) => [record, 3]),
  );
  for (const { batches, ownUpdate, kept, weights } of records.slice(0, 3)) {
    assert.deepEqual(
      batches.map((own) => own.map(({ size }) => size)),
      [[4], [4], [4]],
    );
    assert.deepEqual(kept, [0, 1, 2]);
    const { network } = setUp(config, tinyDataset);
    assertClose(
      ownUpdate!,
      lossAndGradient(network, [weights], batches[2]!).gradients[0]!,
      1e-6,
      "client 2 is curious",
    );
  }
  const { batches, ownUpdate, kept } = records[3]!;
  assert.deepEqual([batches, ownUpdate, kept], [[], null, []]);
});

test("train: starts from the config's initial weights", async () => {
  const { network, rng } = setUp(base, tinyDataset);
  const [first] = await train({ ...base, rounds: 1 }, tinyDataset);
  assert.deepEqual(first!.weights, initialWeights(network.layer, rng.split("weights"), "variancePreserving", 1));
  const [pytorch] = await train({ ...base, rounds: 1, initialization: "pytorch" }, tinyDataset);
  assert.deepEqual(pytorch!.weights, initialWeights(network.layer, rng.split("weights"), "pytorch", 1));
});

test("train: measures accuracy on the first test images, and a loss that optimum is taken from", async () => {
  const config = { ...base, rounds: 1, evaluationImages: 12, optimum: 0.25 };
  const { network } = setUp(config, tinyDataset);
  const first = batchOf(tinyDataset.test, [...Array(12).keys()]);
  for (const { weights, loss, objectiveGap, accuracy } of await train(config, tinyDataset)) {
    assert.equal(accuracy, evaluate(network, weights, first).accuracy);
    assert.equal(objectiveGap, loss - 0.25);
  }
});

test("train: estimates the loss over all images when evaluationImages are many", async () => {
  // Losses of single images vary by about 0.3: the mean of 3000 draws is off by 0.006, and 0.03 would be five times that.
  const [{ weights, loss }] = (await train({ ...base, rounds: 1, evaluationImages: 3000 }, tinyDataset)) as [
    RoundRecord,
  ];
  const all = batchOf(tinyDataset.train, [...Array(90).keys()]);
  assert.ok(Math.abs(loss - evaluate(setUp(base, tinyDataset).network, weights, all).loss) < 0.03);
});

test("train: weighs clients equally in the loss when one owns far more images", async () => {
  const labels = Uint8Array.from({ length: 90 }, (_, i) => (i < 70 ? 0 : 1)); // one client gets 70 images, one 20
  const skewed: Dataset = { ...tinyDataset, train: { pixels: constantByClass(labels), labels, count: 90 } };
  const config = { ...base, numClients: 2, partition: "classes" as const, classesPerClient: 1, rounds: 1 };
  const { network, partition } = setUp(config, skewed);
  assert.deepEqual(partition.clients.map(({ length }) => length).sort(), [20, 70]);
  const [record] = await train(config, skewed);
  const lossOf = (indices: Int32Array) => evaluate(network, record!.weights, batchOf(skewed.train, indices)).loss;
  const [a, b] = partition.clients.map(lossOf) as [number, number];
  assert.ok(Math.abs(a - b) > 0.1);
  assert.ok(Math.abs(record!.loss - (a + b) / 2) < 1e-5);
});

/** Images of one class are all alike. */
function constantByClass(labels: Uint8Array): Uint8Array {
  return Uint8Array.from({ length: 16 * labels.length }, (_, p) => 80 * labels[Math.floor(p / 16)]! + 10);
}

test("train: learns", async () => {
  const records = await train({ ...base, rounds: 60, learningRate: 0.5 }, tinyDataset);
  const [first, last] = [records[0]!, records.at(-1)!];
  assert.ok(last.loss < 0.7 * first.loss, `${first.loss} -> ${last.loss}`);
  assert.ok(last.accuracy > 0.75, `${last.accuracy}`);
});

test("train: the same config gives the same records to the bit, another seed others", async () => {
  const config = { ...base, localSteps: 2, partition: "dirichlet" as const, alpha: 10 };
  const [a, b] = [await train(config, tinyDataset), await train(config, tinyDataset)];
  assert.deepEqual(a, b);
  const other = await train({ ...config, seed: 2 }, tinyDataset);
  assert.notDeepEqual(a[0]!.weights, other[0]!.weights);
  assert.notDeepEqual(a[0]!.batches, other[0]!.batches);
});

test("train: secure aggregation gives the same broadcasts to 1e-6", async () => {
  const config = { ...base, localSteps: 2 };
  const plain = await train(config, tinyDataset);
  const masked = await train({ ...config, secureAggregation: true }, tinyDataset);
  for (const [k, { weights, kept }] of masked.entries()) {
    assertClose(weights, plain[k]!.weights, 1e-6, `broadcast ${k}`);
    assert.deepEqual(kept, plain[k]!.kept);
  }
  // The masks are really there: they hide nothing when a client is alone.
  await assert.rejects(train({ ...config, secureAggregation: true, numClients: 1 }, tinyDataset), {
    name: "InputError",
    message: "maskUpdates: needs at least 2 updates, as nothing hides a lone client, got 1",
  });
});

test("drawBatches: adding a client shifts nobody else's batches", () => {
  const federation = setUp({ ...base, localSteps: 2 }, tinyDataset);
  const { clients } = federation.partition;
  const more = { ...federation, partition: { name: "", clients: [...clients, clients[0]!] } };
  for (const round of [0, 1, 7]) {
    assert.deepEqual(drawBatches(more, tinyDataset, round).slice(0, 3), drawBatches(federation, tinyDataset, round));
  }
});

test("drawBatches: another number of local steps or rounds shifts no batch", () => {
  const [short, long] = [1, 3].map((localSteps) => setUp({ ...base, localSteps, rounds: localSteps }, tinyDataset));
  const first = drawBatches(short!, tinyDataset, 1).map(([batch]) => batch);
  assert.deepEqual(
    drawBatches(long!, tinyDataset, 1).map(([batch]) => batch),
    first,
  );
});

test("drawBatches: batches are of the client's own images, without repeats, and new in every round and step", () => {
  const config = { ...base, localSteps: 2, batchSize: 10 };
  const federation = setUp(config, tinyDataset);
  const seen = new Set<string>();
  const key = (values: ArrayLike<number>): string => Array.from(values).join();
  for (const round of [0, 1]) {
    for (const [client, own] of drawBatches(federation, tinyDataset, round).entries()) {
      const mine = batchOf(tinyDataset.train, federation.partition.clients[client]!);
      const allowed = new Set(Array.from({ length: mine.size }, (_, i) => key(mine.images.slice(16 * i, 16 * i + 16))));
      for (const batch of own) {
        const images = Array.from({ length: 10 }, (_, i) => key(batch.images.slice(16 * i, 16 * i + 16)));
        assert.equal(new Set(images).size, 10);
        assert.ok(images.every((image) => allowed.has(image)));
        seen.add(images.join());
      }
    }
  }
  assert.equal(seen.size, 2 * 3 * 2);
});

test("stepAgainst: is w - eta u worked by hand", () => {
  // 1 - 0.5 · 4 = -1, 2 + 0.5 · 2 = 3
  assert.deepEqual(stepAgainst(Float32Array.of(1, 2), Float32Array.of(4, -2), 0.5), Float32Array.of(-1, 3));
});

test("train: names the round and the client when an update is not finite", async () => {
  // A rate of 1e30 makes products of two weights overflow in round 1.
  const config = { ...base, activation: "relu" as const, learningRate: 1e30 };
  await assert.rejects(train(config, tinyDataset), (error) => {
    assert.ok(error instanceof InputError);
    return /^train: needs finite updates, got \S+ from client \d; lower the learningRate \(round 1\)$/.test(
      error.message,
    );
  });
});

test("train: a run that diverges gives the records that it had", async () => {
  const config = { ...base, activation: "relu" as const, learningRate: 1e30, rounds: 5 };
  const seen: RoundRecord[] = [];
  const ended = (records: readonly RoundRecord[]) => (error: unknown) => {
    assert.ok(error instanceof RunEnded && error instanceof InputError);
    assert.deepEqual(error.records, records);
    return error.message.endsWith("(round 1)");
  };
  await assert.rejects(train(config, tinyDataset, { onRound: (record) => seen.push(record) }), (error) =>
    ended(seen)(error),
  );
  assert.deepEqual(
    seen.map(({ round, skipped }) => [round, skipped]),
    [[0, null]],
  );
  await assert.rejects(train(config, tinyDataset, { keep: () => false }), ended([]));
});

test("train: returns the records that are kept, and tells of all", async () => {
  const all = await train(base, tinyDataset);
  const seen: number[] = [];
  const kept = await train(base, tinyDataset, {
    keep: (round) => round === 1 || round === 3,
    onRound: ({ round }) => seen.push(round),
  });
  assert.deepEqual(seen, [0, 1, 2, 3]);
  assert.deepEqual(kept, [all[1], all[3]]);
});

test("train: goes on where the server skips a step, from the same broadcast", async () => {
  const config = { ...base, aggregator: "krum" as const, poisoning: "infinity" as const };
  const records = await train(config, tinyDataset); // Krum needs three, and two are left
  const reason = "krum: needs n >= 2f + 3 updates, got n = 2, f = 0 (without client 0)";
  assert.deepEqual(
    records.map(({ skipped, dropped, kept, effectiveParticipants }) => [skipped, dropped, kept, effectiveParticipants]),
    [0, 1, 2].map((): unknown[] => [reason, [0], [], 0]).concat([[null, [], [], 0]]),
  );
  for (const { weights } of records) assert.deepEqual(weights, records[0]!.weights);
});

test("train: names the round when only the final broadcast is too large to measure", async () => {
  const config = { ...base, activation: "relu" as const, learningRate: 1e30, rounds: 1 };
  await assert.rejects(train(config, tinyDataset), {
    name: "InputError",
    message: "train: needs a finite loss, got NaN; lower the learningRate (round 1)",
  });
});

test("train: refuses a bad config before it computes, and a client without a batch", async () => {
  await assert.rejects(train({ ...base, batchSize: 0 }, tinyDataset), {
    name: "InputError",
    message: "train: needs an integer batchSize >= 1, got 0",
  });
  await assert.rejects(
    train({ ...base, batchSize: 31 }, tinyDataset),
    /^InputError: partition: needs 3 clients x 31 = 93 images, got 90/,
  );
});

test("train: refuses an option that nobody reads", async () => {
  await assert.rejects(train(base, tinyDataset, { onround: () => undefined } as object), {
    name: "InputError",
    message: "train: needs only known names in options, got onround; did you mean onRound?",
  });
});

test("train: keeps no tensors when 2 or 60 rounds are run", async () => {
  const tensorsAfter = async (rounds: number): Promise<number> => {
    await train({ ...base, rounds, localSteps: 2 }, tinyDataset);
    return tf.memory().numTensors;
  };
  const before = await tensorsAfter(2);
  assert.equal(await tensorsAfter(60), before);
});
