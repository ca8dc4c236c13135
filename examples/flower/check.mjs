/** @file Whether a recording is what its spec says: the clients' updates, computed by the library, give the next broadcast. */
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const require = createRequire(import.meta.url);

/**
 * How far the library's mean update is from the broadcasts' difference over the learning rate, relative to its length, and likewise the
 * client's own from what it sent; null where the spec has no own update.
 * @param file of the spec, with truth
 * @param folder that its paths start from
 * @returns { mean, own } for each round
 */
export async function differences(file, folder = dirname(file)) {
  const { buildNetwork } = require("curious-inside");
  const { localUpdates } = require("curious-inside/dist/fl/client.js");
  const spec = JSON.parse(readFileSync(file, "utf8"));
  const { learningRate, numClients, batchSize = 1, localSteps = 1, own, truth } = spec;
  const { model, inputShape, numClasses, activation, pooling, normalize } = spec;
  const options = Object.entries({ activation, pooling, normalize }).filter(([, value]) => value !== undefined);
  const network = buildNetwork(model, inputShape, numClasses, Object.fromEntries(options));
  const weights = await broadcasts(spec, folder);
  const rounds = [];
  for (let k = 0; k + 1 < weights.length; k++) {
    const read = (pattern) => readValues(join(folder, numbered(pattern, k)));
    // Client by client and step by step; the client's own come first where they are no part of the truth.
    const images = [...(own?.batch ? await read(own.batch) : []), ...(await read(truth.images))];
    const labels = [
      ...(own?.batch ? await read(own.batch.replace("images", "labels")) : []),
      ...(await read(truth.labels)),
    ];
    const pixels = images.length / labels.length;
    const batches = Array.from({ length: numClients }, (_, client) =>
      Array.from({ length: localSteps }, (_, t) => {
        const [from, to] = [0, 1].map((i) => (client * localSteps + t + i) * batchSize);
        const ofBatch = Float32Array.from(images.slice(from * pixels, to * pixels), (byte) => byte / 255);
        return { images: ofBatch, labels: Int32Array.from(labels.slice(from, to)), size: batchSize };
      }),
    );
    const updates = localUpdates(network, weights[k], batches, learningRate);
    const shares = spec.clientWeights ?? updates.map(() => 1);
    const total = shares.reduce((sum, share) => sum + share, 0);
    const mean = weights[k].map((_, i) => updates.reduce((sum, u, m) => sum + (shares[m] / total) * u[i], 0));
    const moved = (to) => weights[k].map((w, i) => (w - to[i]) / learningRate);
    rounds.push({
      mean: relative(moved(weights[k + 1]), mean),
      own: own?.update ? relative(moved(Float32Array.from(await read(own.update.file))), updates[0]) : null,
    });
  }
  return rounds;
}

/** The broadcasts that differ from the one before. */
async function broadcasts({ broadcasts: files }, folder) {
  const all = [];
  const at = (k) => (typeof files === "string" ? numbered(files, k) : files[k]);
  for (let k = 0; at(k) !== undefined && existsSync(join(folder, at(k))); k++)
    all.push(Float32Array.from(await readValues(join(folder, at(k)))));
  return all.filter((weights, k) => k === 0 || weights.some((w, i) => w !== all[k - 1][i]));
}

const numbered = (pattern, k) => pattern.replace("{k}", k);

/** The numbers of a file's arrays, one after the other. */
async function readValues(file) {
  const { readArrays } = require("curious-inside");
  return (await readArrays(file)).flatMap(({ values }) => [...values]);
}

const length = (values) => Math.sqrt(values.reduce((sum, x) => sum + x * x, 0));
const relative = (got, wanted) => length(got.map((x, i) => x - wanted[i])) / length(wanted);
