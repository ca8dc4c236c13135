import assert from "node:assert/strict";
import { before, test } from "node:test";
import { backendReady, tf } from "../core/backend";
import { createRng } from "../core/rng";
import type { Batch } from "../core/types";
import { buildNetwork } from "../model/buildNetwork";
import { initialWeights, lossAndGradient } from "../model/network";
import { localUpdates } from "./client";

before(backendReady);

const network = buildNetwork("mlp", [1, 2, 3], 3, { activation: "tanh" });
const weights = initialWeights(network.layer, createRng("weights"), "pytorch", 1);

/** Batches of two images for each client and local step. */
function batchesFor(numClients: number, localSteps: number): Batch[][] {
  return Array.from({ length: numClients }, (_, client) =>
    Array.from({ length: localSteps }, (_, t): Batch => {
      const stream = createRng("batch").split("client", client, t);
      return { images: stream.uniforms(12), labels: Int32Array.of(stream.integer(3), stream.integer(3)), size: 2 };
    }),
  );
}

function norm(x: Float32Array): number {
  return Math.hypot(...x);
}

function assertClose(actual: Float32Array, expected: Float32Array, tolerance: number, what: string): void {
  const error = norm(actual.map((value, i) => value - expected[i]!));
  assert.ok(error <= tolerance * norm(expected), `${what}: off by ${error} of ${norm(expected)}`);
}

test("localUpdates: are the clients' gradients when there is one local step", () => {
  const batches = batchesFor(3, 1);
  const updates = localUpdates(network, weights, batches, 0.7);
  assert.equal(updates.length, 3);
  for (const [client, update] of updates.entries()) {
    assertClose(update, lossAndGradient(network, [weights], batches[client]!).gradients[0]!, 1e-5, `client ${client}`);
  }
});

test("localUpdates: equal an explicit loop over clients and steps when there are three local steps", () => {
  const batches = batchesFor(3, 3);
  const rate = 0.5; // large enough that the second gradient differs from what it would be at the start
  const updates = localUpdates(network, weights, batches, rate);
  for (const [client, update] of updates.entries()) {
    let local = weights;
    const sum = new Float32Array(weights.length);
    for (const batch of batches[client]!) {
      const gradient = lossAndGradient(network, [local], [batch]).gradients[0]!;
      gradient.forEach((g, i) => (sum[i]! += g));
      local = local.map((w, i) => w - rate * gradient[i]!);
    }
    assertClose(update, sum, 1e-5, `client ${client}`);
    const fromWeights = weights.map((w, i) => (w - local[i]!) / rate);
    assertClose(update, fromWeights, 1e-4, `client ${client}, from its weights`);
    const stale = batches[client]!.map((batch) => lossAndGradient(network, [weights], [batch]).gradients[0]!);
    const atStart = weights.map((_, i) => stale.reduce((total, g) => total + g[i]!, 0));
    assert.ok(norm(update.map((u, i) => u - atStart[i]!)) > 0.01 * norm(update), "the steps moved nothing");
  }
});

test("localUpdates: of a client do not depend on who else trains", () => {
  const batches = batchesFor(3, 2);
  const [, second] = localUpdates(network, weights, batches, 0.5);
  const [alone] = localUpdates(network, weights, [batches[1]!], 0.5);
  assertClose(second!, alone!, 1e-5, "client 1");
});

test("localUpdates: name the client and leave no tensors when an update is not finite", () => {
  const batches = batchesFor(3, 1);
  const bad: Batch = { ...batches[1]![0]!, images: new Float32Array(12).fill(NaN) };
  const call = () => localUpdates(network, weights, [batches[0]!, [bad], batches[2]!], 0.5);
  localUpdates(network, weights, batches, 0.5);
  const before = tf.memory().numTensors;
  assert.throws(call, {
    name: "InputError",
    message: "train: needs finite updates, got NaN from client 1; lower the learningRate",
  });
  assert.equal(tf.memory().numTensors, before);
});
