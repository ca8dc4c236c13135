/** @file The library's side of the benchmarks: a process that answers lines of JSON. It knows public functions only. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { serve } from "./serve.mjs";

const require = createRequire(import.meta.url);
const lib = require("curious-inside");
// What a round is timed by and what holds memory are no part of the barrel.
const { localUpdates } = require("curious-inside/dist/fl/client.js");
const { backendReady, tf } = require("curious-inside/dist/core/backend.js");
const { recycle } = require("curious-inside/dist/numerics/spare.js");

const seconds = () => Number(process.hrtime.bigint()) / 1e9;

/** Times work that is asynchronous or not. */
async function timed(work) {
  globalThis.gc(); // what earlier questions left behind is not this one's
  const start = seconds();
  await work();
  return { start, end: seconds() };
}

/** Drawings of our own code: the same on every machine, and no download. */
const dataset = await lib.loadDataset("strokes");

/** What a federation begins with: its network, the first broadcast, and the batches of all clients in the first round. */
async function beginning(config) {
  const own = {
    ...lib.defaultFederation,
    dataset: "strokes",
    partition: "iid",
    rounds: 1,
    evaluationImages: 1,
    ...config,
  };
  const [{ weights, batches }] = await lib.train(own, dataset);
  return { config: own, network: lib.setUp(own, dataset).network, weights, batches };
}

let problem; // views with their labels
let federation; // as `beginning` gives it
let vectors; // updates of a round, and what rules may need of it

const operations = {
  async versions() {
    return { node: process.versions.node, backend: await backendReady() };
  },

  /** Writes what `count` clients with models and private batches of their own would show: float32 in files, for all sides. */
  async problem({ folder, count, batchSize, ...model }) {
    mkdirSync(folder, { recursive: true });
    const all = { weights: [], target: [], start: [], labels: [], images: [] };
    for (let seed = 0; seed < count; seed++) {
      const { network, weights, batches } = await beginning({ ...model, batchSize, seed, numClients: 2 });
      const [batch] = batches[0];
      const [gradient] = lib.lossAndGradient(network, [weights], [batch]).gradients;
      all.weights.push(weights);
      all.target.push(gradient);
      all.start.push(startOf(seed, batchSize));
      all.labels.push(Float32Array.from(batch.labels));
      all.images.push(batch.images);
    }
    for (const [name, parts] of Object.entries(all))
      writeFileSync(join(folder, `${name}.f32`), Buffer.concat(parts.map(bytes)));
    return {};
  },

  /** Takes the views start..end-1 of the `count` that the files hold. */
  views({ folder, start, end, count, batchSize, architecture = "lenet5", activation, pooling }) {
    const { inputShape, numClasses } = dataset;
    const network = lib.buildNetwork(architecture, inputShape, numClasses, { activation, pooling });
    const rows = (name) => rowsOf(readFileSync(join(folder, `${name}.f32`)), count).slice(start, end);
    const common = { architecture, activation, pooling, inputShape, numClasses, batchSize, numImages: batchSize };
    const pixels = inputShape.reduce((product, side) => product * side, 1);
    const ownBatch = { images: new Float32Array(pixels), labels: Int32Array.of(0), size: 1 }; // read by nobody: labels are given
    const alone = { numClients: 1, localSteps: 1, learningRate: 1, ownBatch }; // nobody else's update is in the target
    const targets = rows("target");
    const views = rows("weights").map((weights, i) => {
      const observedGradient = targets[i];
      return { round: start + i, weights, observedGradient, ownUpdate: observedGradient, ...common, ...alone };
    });
    const labels = rows("labels").map((row) => Int32Array.from(row));
    problem = { network, views, labels, starts: rows("start") };
    return { size: network.size };
  },

  /** What the other side has to find as well: the objective and its gradient at the start, and the objective after some steps. */
  async numbers({ folder, checked, steps, objective }) {
    const { network, views, labels, starts } = problem;
    const found = await invert(steps, objective);
    const own = views.slice(0, checked).map((view, i) => {
      const dummy = { images: starts[i], labels: labels[i], size: labels[i].length };
      return lib.gradientMatching(network, view.weights, dummy, view.observedGradient, objective);
    });
    const matches = await Promise.all(own);
    writeFileSync(
      join(folder, "imagesGradient.f32"),
      Buffer.concat(matches.map(({ imagesGradient }) => bytes(imagesGradient))),
    );
    return {
      before: matches.map(({ distance }) => distance),
      first: found.slice(0, checked).map(({ trace }) => trace[0].matchingLoss),
      after: found.slice(0, checked).map(({ matchingLoss }) => matchingLoss),
    };
  },

  /** Inverts all views taken. */
  invert: ({ steps, objective }) => timed(() => invert(steps, objective)),

  /** Writes or takes the weights and the batches of one round. */
  async federation({ folder, ...config }) {
    federation = await beginning(config);
    const { network, weights, batches } = federation;
    if (folder) {
      mkdirSync(folder, { recursive: true });
      const flat = batches.flat();
      writeFileSync(join(folder, "weights.f32"), bytes(weights));
      writeFileSync(join(folder, "images.f32"), Buffer.concat(flat.map(({ images }) => bytes(images))));
      writeFileSync(
        join(folder, "labels.f32"),
        Buffer.concat(flat.map(({ labels }) => bytes(Float32Array.from(labels)))),
      );
      writeFileSync(join(folder, "updates.f32"), Buffer.concat(updates().map(bytes)));
    }
    return { size: network.size };
  },

  /** The clients' part of `rounds` rounds. */
  rounds: ({ rounds }) =>
    timed(() => {
      for (let round = 0; round < rounds; round++) updates();
    }),

  /** Rounds of plain averaging, each from the weights that the last one left. */
  descend({ rounds }) {
    const { learningRate, numClients } = federation.config;
    for (let round = 0; round < rounds; round++) {
      const sent = updates();
      const mean = sent[0].map((_, i) => sent.reduce((sum, update) => sum + update[i], 0) / numClients);
      federation.weights = federation.weights.map((w, i) => w - learningRate * mean[i]);
    }
    return {};
  },

  /** Training as notebooks call it, with every record kept until the next question. */
  async records({ rounds }) {
    federation.records = await lib.train({ ...federation.config, rounds }, dataset);
    return {};
  },

  /** Draws and writes a round's updates: lengths between 1 and 3, and the last f of length 10, all the same way. */
  vectors({ folder, n, f }) {
    const { size, layer } = lib.buildNetwork("lenet5", dataset.inputShape, dataset.numClasses);
    const layers = layer.parameters.map(({ shape }) => shape);
    const rng = lib.createRng("aggregation");
    const drawn = (name, i, length) => {
      const update = rng.split(name, i).normals(size);
      return update.map((x) => (length * x) / Math.sqrt(size));
    };
    const common = drawn("malicious", 0, 10);
    const honest = Array.from({ length: n - f }, (_, i) => drawn("honest", i, 1 + (2 * i) / (n - f)));
    const updates = [...honest, ...Array.from({ length: f }, () => common.slice())];
    const history = updates.map((_, i) => drawn("history", i, 1));
    const malicious = Array.from({ length: f }, (_, i) => n - f + i);
    vectors = { updates, context: { rng, layers, history, malicious, rootUpdate: drawn("root", 0, 1) } };
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "vectors.f32"), Buffer.concat(updates.map(bytes)));
    return { size };
  },

  /** What a rule or pre-aggregation makes of them, in a file. */
  aggregate({ folder, rule, options }) {
    const result = aggregated(rule, options);
    const rows = result.update ? [result.update] : result.updates;
    writeFileSync(join(folder, "aggregated.f32"), Buffer.concat(rows.map(bytes)));
    return {};
  },

  /**
   * The same, `times` times; a quarter as many go before. Garbage is not collected by force: after that V8 collects at every few
   * megabytes of new vectors, for as long as they are all it makes.
   */
  aggregations({ rule, options, times }) {
    const repeat = (count) => {
      for (let i = 0; i < count; i++) giveBack(aggregated(rule, options));
    };
    repeat(times / 4);
    const start = seconds();
    repeat(times);
    return { start, end: seconds() };
  },

  /** The pull-back of the same by a fixed cotangent, `times` times. */
  pullBacks({ rule, options, times }) {
    const { updates, context } = vectors;
    const all = { ...context, ...options };
    const cotangent = context.rootUpdate;
    const step = lib.preAggregations[rule];
    const transformed = step?.transform(updates, all);
    const cotangents = transformed?.updates.map(() => cotangent);
    const repeat = (count) => {
      for (let i = 0; i < count; i++) {
        const pulled = step
          ? step.pullBack(updates, all, transformed, cotangents)
          : lib.aggregators[rule].pullBack(updates, all, cotangent);
        recycle(pulled);
      }
    };
    repeat(times / 4);
    const start = seconds();
    repeat(times);
    return { start, end: seconds() };
  },

  /** What this process holds now, and the most it held since the last reset, in megabytes. */
  memory({ reset = false }) {
    globalThis.gc();
    if (reset && process.platform === "linux") writeFileSync("/proc/self/clear_refs", "5"); // the kernel forgets the peak
    const { numTensors, numBytes } = tf.memory();
    return {
      resident: process.memoryUsage().rss / 2 ** 20,
      peak: process.resourceUsage().maxRSS / 2 ** 10,
      tensors: numTensors,
      tensorMegabytes: numBytes / 2 ** 20,
    };
  },
};

const updates = () =>
  localUpdates(federation.network, federation.weights, federation.batches, federation.config.learningRate);

function aggregated(rule, options) {
  const { updates, context } = vectors;
  const all = { ...context, ...options };
  return lib.aggregators[rule]?.aggregate(updates, all) ?? lib.preAggregations[rule].transform(updates, all);
}

/** What the federated loop does after its step, and preAggregate when the rule behind has read the vectors. */
const giveBack = ({ update, updates = [update] }) =>
  recycle(updates.filter((vector) => !vectors.updates.includes(vector)));

const invert = (steps, objective) =>
  lib.invert(problem.views, { prior: { kind: "pixel" }, labels: problem.labels, objective, steps });

/** The start that invert draws for a view of that round. That it is the same is checked: the first entry of a trace tells. */
const startOf = (round, batchSize) =>
  lib
    .createRng(0)
    .split("code", round, 0)
    .normals(batchSize * 784)
    .map((x) => 0.1 * x);

const bytes = (array) => Buffer.from(array.buffer, array.byteOffset, array.byteLength);

function rowsOf(buffer, count) {
  const all = new Float32Array(buffer.buffer.slice(buffer.byteOffset, buffer.byteOffset + buffer.byteLength));
  const length = all.length / count;
  return Array.from({ length: count }, (_, i) => all.slice(i * length, (i + 1) * length));
}

await serve(operations);
