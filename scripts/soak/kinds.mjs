/**
 * @file What can come from outside, by kind: make(random) gives an input, read(input, folder) takes it as the library does and
 * returns "refused", "immaterial" or "named" (accepted, and the result says that it is another one); anything else that is
 * accepted throws a Silent. Runs in the child process that inputs.mjs watches.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { gzipSync } from "node:zlib";
import { at } from "../steps/common.mjs";
import { mutateBytes, mutateJson } from "./mutate.mjs";

const require = createRequire(at("lib", "dist", "index.js"));

/** Accepted without a word although it means something else. */
export class Silent extends Error {}

const numbered = (count, times) => Buffer.from(Array.from({ length: count }, (_, i) => (i * times) % 256));
const idx = (dims, values) => {
  const header = Buffer.alloc(4 + 4 * dims.length);
  header.writeUInt32BE(0x0800 + dims.length);
  dims.forEach((dim, axis) => header.writeUInt32BE(dim, 4 + 4 * axis));
  return Buffer.concat([header, values]);
};
const described = { numClasses: 10, classNames: [], source: "", licence: "", mirrors: [] };
const digits = {
  ...{ name: "digits", label: "digits", format: "idx", folder: "digits", inputShape: [1, 4, 5], ...described },
  files: ["train-images.gz", "train-labels.gz", "test-images.gz", "test-labels.gz"].map((file) => ({ file })),
};
const labels = Buffer.from([3, 1, 4, 1, 5, 9]);
const digitFiles = [
  idx([6, 4, 5], numbered(120, 7)),
  idx([6], labels),
  idx([6, 4, 5], numbered(120, 5)),
  idx([6], labels),
];
const colours = {
  name: "colours",
  label: "colours",
  format: "cifar",
  folder: "colours",
  inputShape: [3, 32, 32],
  ...described,
  files: [],
};
const record = (label, times) => Buffer.concat([Buffer.of(label), numbered(3072, times)]);
const colourFiles = [Buffer.concat([record(1, 3), record(9, 5)]), Buffer.concat([record(2, 7), record(0, 11)])];
// Small for who keeps it, large for who believes it: its header declares 120 pixels.
let bomb;
const makeBomb = () => (bomb ??= gzipSync(Buffer.concat([digitFiles[0], Buffer.alloc(400e6)]), { level: 1 }));

const seen = new Map(); // by spec: the dataset of whole files

/** Opens a folder of files as a dataset. Whole ones are kept to compare with. */
async function open(spec, names, files, folder) {
  const { openDataset } = require("./data/source.js");
  const place = join(folder, spec.folder);
  mkdirSync(place, { recursive: true });
  files.forEach((bytes, i) => writeFileSync(join(place, names[i]), bytes));
  return openDataset(spec, { curiousData: folder, data: folder });
}

async function readDataset(spec, names, whole, { which, bytes }, folder) {
  if (!seen.has(spec)) seen.set(spec, await open(spec, names, whole, folder));
  const before = seen.get(spec);
  let after;
  try {
    after = await open(spec, names, whole.map((file, i) => (i === which ? bytes : file)), folder); // prettier-ignore
  } catch (error) {
    return refusal(error);
  }
  if (isDeepStrictEqual([after.train, after.test], [before.train, before.test])) return "immaterial";
  if (after.hash === before.hash) throw new Silent("another dataset under the same hash");
  return "named";
}

/** Refused is what the library refuses in its own words. */
function refusal(error, names = ["InputError"]) {
  if (names.includes(error.name)) return "refused";
  throw error;
}

/** Whether all that the input says stands in what was read; a field that is dropped or changed was accepted silently. */
const holds = (read, input) =>
  typeof input !== "object" || input === null
    ? Object.is(read, input) || (read === 0 && input === 0)
    : typeof read === "object" && read !== null && Array.isArray(read) === Array.isArray(input) &&
      Object.keys(input).every((key) => Object.hasOwn(read, key) && holds(read[key], input[key])); // prettier-ignore

const federation = { dataset: "strokes", architecture: "softmaxRegression", numClients: 3, rounds: 3, poisoning: "signFlip", poisoningParameters: { scale: 2 } }; // prettier-ignore
const plan = {
  ...{ federation, seeds: [1, 2], probeRounds: [0, 2], probeBatchSize: 1, trajectoryRounds: [1] },
  attacker: { prior: "pixel", labels: "inferred", autoencoderSteps: 2, steps: 5 },
};
const job = { kind: "leakage", code: "experiment/measure", dataset: { name: "strokes", hash: "0".repeat(64) }, backend: "none", force: false }; // prettier-ignore

const run = { kind: "soak", code: "core/joined", config: { seed: 1 }, datasetHash: "" };
const value = { numbers: Float32Array.of(1, 2, 3), words: ["a", "b"], nothing: null };
let entry;
async function wholeEntry(folder) {
  const { exportEntry, computeOnce } = require("./jobs/store.js");
  await computeOnce(run, () => Promise.resolve(value), { folder });
  return (entry ??= await exportEntry(run, { folder }));
}

/** Half of the broken archives have a whole gzip around broken bytes. */
const gzipped = (bytes, random) =>
  random(2) ? gzipSync(mutateBytes(bytes, random)) : mutateBytes(gzipSync(bytes), random);

export const kinds = {
  idx: {
    make(random) {
      const which = random(4);
      return { which, bytes: random(2000) === 0 ? makeBomb() : gzipped(digitFiles[which], random) };
    },
    read: (input, folder) =>
      readDataset(digits, digits.files.map(({ file }) => file), digitFiles.map((file) => gzipSync(file)), input, folder), // prettier-ignore
  },
  bomb: {
    rare: true,
    make: () => ({ which: 0, bytes: makeBomb() }),
    read: (input, folder) => kinds.idx.read(input, folder),
  },
  cifar: {
    make(random) {
      const which = random(2);
      return { which, bytes: mutateBytes(colourFiles[which], random) };
    },
    read: (input, folder) => readDataset(colours, ["data_batch_1.bin", "test_batch.bin"], colourFiles, input, folder),
  },
  plan: {
    load: () => require("./experiment/workshop.js"),
    make: (random) => mutateJson({ passive: plan }, random),
    read(input) {
      const { readPlans } = require("./experiment/leakagePlan.js");
      let read;
      try {
        read = readPlans(input);
      } catch (error) {
        return refusal(error);
      }
      if (!holds(read, input)) throw new Silent("a plan that lacks what the input says");
      return isDeepStrictEqual(input, { passive: plan }) ? "immaterial" : "named";
    },
  },
  payload: {
    make(random) {
      const { packJob } = require("./jobs/job.js");
      const { defaultFederation } = require("./fl/config.js");
      const whole = { ...plan, federation: { ...defaultFederation, ...federation } };
      return mutateJson(packJob({ ...job, plan: whole }), random);
    },
    read(input) {
      const { unpackJob, packJob } = require("./jobs/job.js");
      const { checkPlan, leakagePlan } = require("./experiment/leakagePlan.js");
      const { checkShape } = require("./jobs/schema.js");
      const { checkConfig } = require("./fl/config.js");
      let read;
      try {
        read = unpackJob(input);
        if (read.kind !== "leakage") return "named"; // the workshop knows the kinds
        checkPlan(checkShape("soak", leakagePlan, read.plan));
        checkConfig(read.plan.federation);
      } catch (error) {
        return refusal(error, ["InputError", "UnfitError"]);
      }
      if (!holds({ ...read, libraryHash: packJob(read).libraryHash }, input))
        throw new Silent("a job that lacks what the payload says");
      return "named";
    },
  },
  entry: {
    make: (random) => ({ seed: random(2 ** 31) }), // of the bytes, which only the child has
    async read({ bytes }, folder) {
      const { importEntry, computeOnce } = require("./jobs/store.js");
      const whole = await wholeEntry(folder);
      const fresh = join(folder, "fresh");
      try {
        await importEntry(run, bytes, { folder: fresh });
      } catch (error) {
        if (/^(its checksum does not fit|it is the entry of )/.test(error.message)) return "refused";
        throw error;
      }
      const { value: got } = await computeOnce(run, () => Promise.reject(new Error("not stored")), { folder: fresh });
      if (bytes.equals(whole) && isDeepStrictEqual([...got.numbers], [...value.numbers])) return "immaterial";
      throw new Silent("a damaged entry");
    },
    async finish({ seed }, folder, randomOf) {
      return { bytes: mutateBytes(await wholeEntry(folder), randomOf(String(seed))) };
    },
  },
};
