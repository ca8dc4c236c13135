/** @file The library's side of the attack benchmark: makes the broadcasts, inverts them, and scores what anybody made of them. */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { serve } from "./serve.mjs";

const require = createRequire(import.meta.url);
const lib = require("curious-inside");
const { backendReady } = require("curious-inside/dist/core/backend.js");
const { drawProbe, presentProbe } = require("curious-inside/dist/fl/probe.js");
const { matchingLosses } = require("curious-inside/dist/reconstruction/invert.js");
const { behind } = require("curious-inside/dist/experiment/measure.js");
const { ownImages, shardOf, trainOwnAutoencoder } = require("curious-inside/dist/experiment/ownAutoencoder.js");

const seconds = () => Number(process.hrtime.bigint()) / 1e9;
const pixelPrior = { prior: { kind: "pixel" } };
const FEW = 64; // own images from which the guess for what was not reconstructed is taken while a curve is scored

let targets = []; // of a problem, one per seed and round

const operations = {
  async versions() {
    return { node: process.versions.node, backend: await backendReady() };
  },

  /**
   * Trains for every seed, observes as measureLeakage does, and writes what the other side gets: of each view, weights, the observed
   * gradient per local step, labels in their order, and, for checks alone, the images behind it with their gradient at the weights.
   */
  async broadcasts({ folder, plan, rounds, strongest }) {
    const dataset = await lib.loadDataset(plan.federation.dataset);
    targets = [];
    for (const seed of plan.seeds) {
      const config = { ...plan.federation, seed };
      for (const { record, after, protocol } of await observed(plan, config, dataset))
        if (rounds.includes(record.round))
          targets.push(targetOf({ record, after, protocol, dataset, config, strongest }));
    }
    return { views: targets.map((target, i) => write(target, join(folder, String(i)))) };
  },

  /** Inverts views with given labels by one of the library's attackers: those of a seed, whose attacker is one, together. */
  async invert({ indices, attacker, change = {}, share = 1 }) {
    const chosen = indices.map((i) => targets[i]);
    const { prior, autoencoderSteps, ...rest } = { ...lib.attackers[attacker], ...change };
    const options = without(rest, ["labels", "labelSearch", "selectionSteps", "separate", "contributors"]); // what measureLeakage reads, and invert does not
    const steps = Math.max(1, Math.round(share * options.steps));
    const leaks = new Map();
    let taken = 0;
    for (const seed of new Set(chosen.map(({ config }) => config.seed))) {
      const some = chosen.filter(({ config }) => config.seed === seed);
      const autoencoders = [];
      if (prior === "autoencoder")
        for (const target of some) autoencoders.push(await autoencoderOf(target, autoencoderSteps));
      const sides = some.map((target) => target[attacker === "strongest" ? "strongest" : "plain"]);
      const images = sides.map(({ inView }) => inView);
      const how = {
        ...options,
        own: some[0].own,
        steps,
        seed,
        prior: prior === "autoencoder" ? { kind: prior, autoencoders } : { kind: prior },
        labels: images.map(({ labels }) => labels),
      };
      const views = sides.map(({ view }) => view);
      globalThis.gc();
      const start = seconds();
      const found = await lib.invert(views, how);
      taken += seconds() - start;
      const truthLosses = await matchingLosses(views, images, how);
      found.forEach((one, i) => leaks.set(some[i], numbersOf(score(some[i], sides[i], one, truthLosses[i]))));
    }
    return { seconds: taken, leaks: chosen.map((target) => leaks.get(target)) };
  },

  /** Scores what the other side made of a view: images at several times, in a file, as clients of the library would be scored. */
  async score({ index, file }) {
    const target = targets[index];
    const { plain } = target;
    const { inputShape, numImages, localSteps, round } = plain.view;
    const pixels = inputShape.reduce((product, side) => product * side, 1);
    const all = floats(readFileSync(file)).map((x) => Math.min(1, Math.max(0, x)));
    const stacks = Array.from({ length: all.length / (numImages * pixels) }, (_, k) =>
      all.slice(k * numImages * pixels, (k + 1) * numImages * pixels),
    );
    const { labels } = plain.inView;
    const how = { ...pixelPrior, unroll: localSteps > 1 };
    const [truthLoss] = await matchingLosses([plain.view], [plain.inView], how);
    const [loss] = await matchingLosses([plain.view], [{ ...plain.inView, images: stacks.at(-1) }], how);
    const leaks = stacks.map((images) =>
      numbersOf(score(target, plain, { round, images, labels, matchingLoss: loss, trace: [] }, truthLoss)),
    );
    return { leaks };
  },
};

/** The rounds of a plan with what clients would hold in them: the fixed probe, or their own batches. */
async function observed({ probeRounds, probeBatchSize, trajectoryRounds }, config, dataset) {
  const read = new Set([...probeRounds, ...trajectoryRounds.flatMap((round) => [round, round + 1])]);
  const records = new Map();
  for (const record of await lib.train(config, dataset, { keep: (round) => read.has(round) }))
    records.set(record.round, record);
  const probing = lib.setUp({ ...config, batchSize: probeBatchSize, localSteps: 1 }, dataset);
  const chosen = probeRounds.map((round) => records.get(round));
  const probe = await presentProbe(probing, chosen, drawProbe(probing, dataset));
  return [
    ...probe.map(({ before, after }) => ({ record: before, after, protocol: probing.config })),
    ...trajectoryRounds.map((round) => ({
      record: records.get(round),
      after: records.get(round + 1),
      protocol: config,
    })),
  ];
}

/**
 * A view with what the experimenter knows, for the strongest attacker and for those who match a plain mean. Of a rule that keeps some
 * clients all are told whom: nobody's method guesses it here.
 */
function targetOf({ record, after, protocol, dataset, config, strongest }) {
  const view = lib.observe(record, after, protocol, dataset);
  const federation = lib.setUp(config, dataset);
  const { granted, ...known } = behind(view, record, protocol, strongest);
  const plain = behind(view, record, protocol, { contributors: "known" });
  return {
    config,
    truth: plain.truth,
    plain,
    strongest: strongest.through === "protocol" ? { ...known, view: granted ?? known.view } : plain,
    own: ownImages(federation, dataset),
    few: ownImages(federation, dataset, FEW),
    network: federation.network,
    dataset,
  };
}

function score({ truth, few }, { options }, reconstruction, truthLoss) {
  return lib.scoreLeak(reconstruction, truth, few, { ...options, truthLoss });
}

/** What is shown of a leak, without its pictures. */
const numbersOf = (leak) => without(leak, ["privateImages", "reconstructions"]);

const without = (record, names) => Object.fromEntries(Object.entries(record).filter(([name]) => !names.includes(name)));

function write({ config, truth, own, plain, network }, folder) {
  mkdirSync(folder, { recursive: true });
  const { weights, observedGradient, localSteps, batchSize, learningRate, numImages, round } = plain.view;
  const { images, labels } = plain.inView;
  const target = observedGradient.map((g) => g / localSteps);
  const [gradient] = lib.lossAndGradient(network, [weights], [plain.inView]).gradients;
  const files = { weights, target, labels: Float32Array.from(labels), images, gradient };
  for (const [name, array] of Object.entries(files)) writeFileSync(join(folder, `${name}.f32`), bytes(array));
  const hash = createHash("sha256");
  for (const array of Object.values(files)) hash.update(bytes(array));
  const { activation, pooling } = config;
  const { perImage } = lib.floorRmse({
    privateImages: truth.images,
    privateLabels: truth.labels,
    pixels: truth.images.length / truth.size,
    ownImages: own.images,
    ownLabels: own.labels,
  });
  return {
    ...{ folder, seed: config.seed, round, digest: hash.digest("hex") },
    ...{ activation, pooling, numImages, localSteps, batchSize, learningRate },
    ...{ contributed: plain.options.contributed, perImageFloor: perImage },
    private: createHash("sha256").update(bytes(truth.images)).digest("hex"),
  };
}

const trained = new Map();

/** The attacker's own autoencoder, once per shard: its training is not timed. */
function autoencoderOf({ config, dataset }, steps) {
  const key = JSON.stringify([shardOf(config), steps]);
  if (!trained.has(key))
    trained.set(
      key,
      trainOwnAutoencoder(shardOf(config), dataset, steps, () => undefined),
    );
  return trained.get(key);
}

const bytes = (array) => Buffer.from(array.buffer, array.byteOffset, array.byteLength);

function floats(buffer) {
  return new Float32Array(buffer.buffer.slice(buffer.byteOffset, buffer.byteOffset + buffer.byteLength));
}

await serve(operations);
