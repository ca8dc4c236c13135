/** @file Every public function that takes a callback, with one that throws at its first, second and third call: no tensor is left. */
import { mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { at } from "../steps/common.mjs";

const require = createRequire(at("lib", "dist", "index.js"));
class Thrown extends Error {}

export async function run({ count = 3, folder, isOver, report }) {
  Object.assign(process.env, { CURIOUS_WORKERS: "1", CURIOUS_STORE: join(folder, "store") });
  mkdirSync(process.env.CURIOUS_STORE);
  const library = require("./index.js");
  const { backendReady, tf } = require("./core/backend.js");
  const { seedJobs } = require("./experiment/studies.js");
  const { sweep } = require("./experiment/sweep.js");
  const { loadDataset, train, observe, invert, trainAutoencoders, createRng, batchOf, defaultFederation } = library;
  await backendReady();
  const dataset = await loadDataset("strokes");
  const small = {
    dataset: "strokes",
    architecture: "softmaxRegression",
    partition: "iid",
    numClients: 3,
    rounds: 3,
    evaluationImages: 30,
  };
  const federation = { ...defaultFederation, ...small };
  const [before, after] = await train(federation, dataset);
  const view = observe(before, after, federation, dataset);
  const own = batchOf(dataset.train, [0, 1, 2, 3]);
  const attacker = { prior: "pixel", labels: "inferred", autoencoderSteps: 2, steps: 5 };
  const plan = { federation, attacker, seeds: [1], probeRounds: [0, 1], probeBatchSize: 1, trajectoryRounds: [] };
  const gradients = { federation, attacker, seeds: [1], rounds: [0, 2], objectiveImages: 4, batches: 3 };
  const config = { ...federation, seed: 1 };
  const training = { steps: 4, batchSize: 2 };
  const [autoencoder] = await trainAutoencoders([own], dataset.inputShape, createRng(1), training);

  /** All public functions that take a callback; a test compares. */
  const calls = {
    train: (onRound) => train(config, dataset, { onRound }),
    invert: (onStep) => invert([view], { prior: { kind: "pixel" }, steps: 4, onStep }),
    "invert, bicubic": (onStep) => invert([view], { prior: { kind: "bicubic" }, steps: 4, onStep }),
    "invert, autoencoder": (onStep) =>
      invert([view], { prior: { kind: "autoencoder", autoencoders: [autoencoder] }, steps: 4, onStep }),
    trainAutoencoders: (onStep) => trainAutoencoders([own], dataset.inputShape, createRng(1), { ...training, onStep }),
    measureLeakage: (onProgress) => library.measureLeakage({ only: plan }, dataset, { onProgress, force: true }),
    measureGradients: (onProgress) =>
      library.measureGradients({ only: gradients }, dataset, { onProgress, force: true }),
    checkTheory: (onProgress) => library.theory.checkTheory(20, createRng(1), { onProgress }),
    sweep: (onProgress) => sweep(seedJobs(plan, { dataset, backend: "none", force: true }), { dataset, onProgress }),
    computeOnce: (compute) =>
      library.computeOnce({ kind: "soak", code: "core/joined", config: {}, datasetHash: "" }, async () => compute(), {
        force: true,
      }),
  };
  for (const [name, call] of Object.entries(calls)) {
    for (let at = 1; at <= count && !isOver(); at++) {
      const held = tf.memory().numTensors;
      let heard = 0;
      let wrong = "the callback was not heard";
      try {
        await call(() => {
          if (++heard === at) throw new Thrown("by the callback");
        });
        if (heard >= at) wrong = "went on although its callback threw";
        else if (heard > 0) wrong = undefined; // fewer calls than that
      } catch (error) {
        wrong = error instanceof Thrown ? undefined : `${error.name}: ${error.message}`;
      }
      const left = tf.memory().numTensors - held;
      report(`${name}, call ${at}`, wrong ?? (left === 0 ? undefined : `${left} tensors are left`));
    }
  }
}
