import assert from "node:assert/strict";
import { before, test } from "node:test";
import { jStat } from "jstat";
import { backendReady, tf } from "../../core/backend";
import { createRng } from "../../core/rng";
import type { Batch } from "../../core/types";
import { buildNetwork } from "../../model/buildNetwork";
import { initialWeights, lossAndGradient, type Network } from "../../model/network";
import { volume } from "../../model/stack";
import { clipToNorm } from "../../numerics/clip";
import { privateGradients, privateUpdates } from "./dpSgd";
import { defaultPrivacy, type PrivacyParameters } from "./privacy";

before(backendReady);

const small = buildNetwork("mlp", [1, 2, 3], 3, { activation: "tanh" });
const silent: PrivacyParameters = { ...defaultPrivacy, noiseMultiplier: 0 };

const rngsFor = (count: number) => Array.from({ length: count }, (_, m) => createRng("noise").split("client", m));

function batchFor(network: Network, size: number, client: number, t = 0): Batch {
  const stream = createRng("batch").split("client", client, t);
  return {
    images: stream.uniforms(size * volume(network.inputShape)),
    labels: Int32Array.from({ length: size }, () => stream.integer(network.numClasses)),
    size,
  };
}

const weightsFor = (network: Network, client: number): Float32Array =>
  initialWeights(network.layer, createRng("weights").split("client", client), "pytorch", 1);

/** The examples of a batch, each a batch of its own. */
function singles(network: Network, { images, labels, size }: Batch): Batch[] {
  const pixels = volume(network.inputShape);
  return Array.from({ length: size }, (_, b) => ({
    images: images.slice(b * pixels, (b + 1) * pixels),
    labels: labels.slice(b, b + 1),
    size: 1,
  }));
}

function norm(x: Float32Array): number {
  return Math.sqrt(x.reduce((sum, value) => sum + value * value, 0));
}

function assertClose(actual: Float32Array, expected: Float32Array, tolerance: number, what: string): void {
  assert.equal(actual.length, expected.length, what);
  const error = norm(actual.map((value, i) => value - expected[i]!));
  assert.ok(error <= tolerance * norm(expected), `${what}: off by ${error} of ${norm(expected)}`);
}

/** One example at a time: its gradient, clipped, added; divided by B. */
function slowGradient(network: Network, weights: Float32Array, batch: Batch, clipNorm: number): Float32Array {
  const sum = new Float32Array(weights.length);
  for (const single of singles(network, batch)) {
    const gradient = lossAndGradient(network, [weights], [single]).gradients[0]!;
    clipToNorm(gradient, clipNorm).forEach((g, i) => (sum[i]! += g));
  }
  return sum.map((x) => x / batch.size);
}

test("privateGradients: equal an explicit loop over clients and examples when some are clipped and some are not", () => {
  const batches = [0, 1, 2].map((client) => batchFor(small, 5, client));
  const weights = [0, 1, 2].map((client) => weightsFor(small, client));
  const norms = batches.flatMap((batch, m) => singles(small, batch).map((single) => norm(lossAndGradient(small, [weights[m]!], [single]).gradients[0]!))); // prettier-ignore
  const clipNorm = [...norms].sort((a, b) => a - b)[7]!; // the median
  const gradients = privateGradients(small, weights, batches, { ...silent, clipNorm }, rngsFor(3));
  assert.equal(gradients.length, 3);
  for (const [m, gradient] of gradients.entries()) {
    assertClose(gradient, slowGradient(small, weights[m]!, batches[m]!, clipNorm), 1e-5, `client ${m}`);
    const plain = lossAndGradient(small, [weights[m]!], [batches[m]!]).gradients[0]!;
    assert.ok(norm(gradient.map((g, i) => g - plain[i]!)) > 0.01 * norm(plain), "nothing was clipped");
  }
});

test("privateGradients: are the plain gradients when the clip is out of reach and there is no noise", () => {
  const network = buildNetwork("lenet5", [1, 28, 28], 10);
  const batches = [0, 1].map((client) => batchFor(network, 3, client));
  const weights = [0, 1].map((client) => weightsFor(network, client));
  const gradients = privateGradients(network, weights, batches, { ...silent, clipNorm: 1e6 }, rngsFor(2));
  const plain = lossAndGradient(network, weights, batches).gradients;
  gradients.forEach((gradient, m) => assertClose(gradient, plain[m]!, 1e-5, `client ${m}`));
});

test("privateGradients: do not depend on how many examples are computed at once", () => {
  // The wide network has 1,663,370 weights, so two examples are computed at once, of one client or of two.
  const network = buildNetwork("lenet5Wide", [1, 28, 28], 10);
  const batches = [0, 1].map((client) => batchFor(network, 3, client));
  const weights = [0, 1].map((client) => weightsFor(network, client));
  const gradients = privateGradients(network, weights, batches, { ...silent, clipNorm: 0.5 }, rngsFor(2));
  gradients.forEach((gradient, m) => {
    assertClose(gradient, slowGradient(network, weights[m]!, batches[m]!, 0.5), 1e-5, `client ${m}`);
  });
});

test("privateGradients: never let an example contribute more than C / B", () => {
  const batches = [0, 1, 2].map((client) => batchFor(small, 1, client));
  const weights = [0, 1, 2].map((client) => weightsFor(small, client));
  for (const clipNorm of [1e-6, 0.01, 0.1, 1, 10]) {
    const gradients = privateGradients(small, weights, batches, { ...silent, clipNorm }, rngsFor(3));
    for (const gradient of gradients) assert.ok(norm(gradient) <= clipNorm * (1 + 1e-6), `${norm(gradient)}`); // float32
  }
});

test("privateGradients: add noise of variance (sigma C / B)^2 without a mean, of its own for each client", () => {
  // sum (noise B / (sigma C))^2 is chi-square with d degrees of freedom: outside this interval once in 10,000 seeds
  const network = buildNetwork("mlp", [1, 28, 28], 10);
  const d = network.size;
  const interval = [0.00005, 0.99995].map((p) => jStat.chisquare.inv(p, d)) as [number, number];
  assert.ok(interval[0] > 0.97 * d && interval[1] < 1.03 * d);
  const batches = [0, 1].map((client) => batchFor(network, 4, client));
  const weights = [0, 1].map((client) => weightsFor(network, client));
  const parameters = { ...defaultPrivacy, clipNorm: 0.7, noiseMultiplier: 3 };
  const noisy = privateGradients(network, weights, batches, parameters, rngsFor(2));
  const quiet = privateGradients(network, weights, batches, { ...parameters, noiseMultiplier: 0 }, rngsFor(2));
  const standard = noisy.map((gradient, m) =>
    Float64Array.from(gradient, (g, i) => ((g - quiet[m]![i]!) * 4) / (3 * 0.7)),
  );
  for (const noise of standard) {
    const squares = noise.reduce((sum, x) => sum + x * x, 0);
    assert.ok(squares > interval[0] && squares < interval[1], `${squares}, not in ${String(interval)}`);
    assert.ok(Math.abs(noise.reduce((sum, x) => sum + x, 0)) < 4 * Math.sqrt(d));
  }
  const inner = standard[0]!.reduce((sum, x, i) => sum + x * standard[1]![i]!, 0);
  assert.ok(Math.abs(inner) < 4 * Math.sqrt(d), `correlation ${inner / d}`);
});

test("privateUpdates: equal an explicit loop over steps, with noise, when there are three of them", () => {
  const batches = [0, 1].map((client) => [0, 1, 2].map((t) => batchFor(small, 2, client, t)));
  const parameters = { ...defaultPrivacy, clipNorm: 0.5, noiseMultiplier: 0.2 };
  const [start, rate] = [weightsFor(small, 0), 0.5];
  const updates = privateUpdates(small, start, batches, rate, parameters, rngsFor(2));
  for (const [m, update] of updates.entries()) {
    const rng = rngsFor(2)[m]!;
    let local = start;
    const sum = new Float32Array(start.length);
    for (const batch of batches[m]!) {
      const gradient = slowGradient(small, local, batch, 0.5).map((g) => g + (0.2 * 0.5 * rng.normal()) / 2);
      gradient.forEach((g, i) => (sum[i]! += g));
      local = local.map((w, i) => w - rate * gradient[i]!);
    }
    assertClose(update, sum, 1e-5, `client ${m}`);
  }
});

test("privateUpdates: are the private gradients when there is one local step", () => {
  const batches = [0, 1].map((client) => batchFor(small, 2, client));
  const start = weightsFor(small, 0);
  const updates = privateUpdates(small, start, batches.map((batch) => [batch]), 0.5, defaultPrivacy, rngsFor(2)); // prettier-ignore
  assert.deepEqual(updates, privateGradients(small, [start, start], batches, defaultPrivacy, rngsFor(2)));
});

test("privateGradients: name the client, and leave no tensors, when an example's gradient is not finite", () => {
  const batches = [0, 1, 2].map((client) => batchFor(small, 2, client));
  const weights = [0, 1, 2].map((client) => weightsFor(small, client));
  privateGradients(small, weights, batches, silent, rngsFor(3));
  const tensors = tf.memory().numTensors;
  privateGradients(small, weights, batches, defaultPrivacy, rngsFor(3));
  assert.equal(tf.memory().numTensors, tensors);
  const diverged = weights.map((w, m) => (m === 1 ? w.map((x) => Math.sign(x) * 3e38) : w));
  assert.throws(() => privateGradients(small, diverged, batches, silent, rngsFor(3)), {
    name: "InputError",
    message:
      "privateGradients: needs finite gradients of every example, got one of norm NaN from client 1; lower the learningRate",
  });
  assert.equal(tf.memory().numTensors, tensors);
});

test("privateGradients, privateUpdates: refuse parameters out of range and counts that disagree", () => {
  const batch = batchFor(small, 2, 0);
  const weights = weightsFor(small, 0);
  const gradients = (parameters: PrivacyParameters) => () => privateGradients(small, [weights], [batch], parameters, rngsFor(1)); // prettier-ignore
  assert.throws(
    gradients({ ...silent, clipNorm: 0 }),
    /^InputError: privateGradients: needs a finite clipNorm > 0, got 0$/,
  );
  assert.throws(gradients({ ...silent, noiseMultiplier: -1 }), /needs a finite noiseMultiplier >= 0, got -1/);
  assert.throws(gradients({ ...silent, delta: 1 }), /needs 0 < delta < 1, got 1/);
  assert.throws(gradients({ ...silent, clipping: "elementwise" }), /needs clipping of norm for dpSgd, got elementwise/);
  assert.throws(() => privateGradients(small, [weights], [batch], silent, rngsFor(2)), {
    name: "InputError",
    message: "privateGradients: needs 1 streams, one a client, got 2",
  });
  const short = weights.subarray(1);
  assert.throws(
    () => privateGradients(small, [short], [batch], silent, rngsFor(1)),
    /privateGradients: needs weights of length/,
  );
  for (const uneven of [[], [[]], [[batch], [batch, batch]]]) {
    assert.throws(() => privateUpdates(small, weights, uneven, 0.1, silent, rngsFor(2)), {
      name: "InputError",
      message: `privateUpdates: needs at least one client, and batches for as many steps of each, got [${uneven.map((own) => own.length).join(", ")}]`,
    });
  }
});
