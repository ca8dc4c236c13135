/** @file npm run audit: what a client could have seen of its peers in a federation of one's own. */
import { createRequire } from "node:module";
import { basename } from "node:path";
import { parseArgs } from "node:util";
import { setup } from "./setup.mjs";
import { at } from "./steps/common.mjs";

const usage = `npm run audit -- SPEC.json [options]
  SPEC.json         what a client knows of a federation; paths in it start from its folder. Needed are
                      model           lenet5, lenet5Wide, mlp, softmaxRegression, or a list of layers in the words of torch.nn:
                                      [{ "conv2d": { "out": 6, "kernel": 5 } }, "relu", { "maxPool2d": 2 }, "flatten", { "linear": 10 }]
                      inputShape      [channels, height, width]
                      numClasses
                      broadcasts      files of weights in the order in which they came, at least two: a list, or "round{k}.npz"
                      learningRate    of the clients
                    and there may be
                      activation      of a model with a name: relu (default), tanh, sigmoid
                      pooling         of a model with a name: max (default), average
                      normalize       { "mean": [0.5], "std": [0.5] }, per channel; default none
                      numClients      null (default) is estimated, which takes own.update or own.batch
                      batchSize, localSteps   default 1
                      momentum        of the local steps, from 0 in each round; default 0. { "value": 0.9, "kept": true }: kept
                                      from round to round, for one local step
                      clientWeights   one number per client (num_examples), the attacker's in its place (0 unless
                                      protocol.maliciouslyCuriousClient says otherwise); or { "own": 40, "total": 150 }; default alike
                      protocol        aggregator, assumedMalicious, privacy, privacyParameters, … as in FederationConfig; default the mean
                      own             images and labels (the client's own), update (what it sent: a file, or
                                      { "file": "sent{k}.npz", "kind": "weights" }), batch (the images it computed that from,
                                      whose labels are looked up among its images: a file, or { "images": …, "labels": … })
                      attacker        "strongest" (default), "paper", or changes: { "steps": 2000, "priors": ["gaussian"], "seed": 1 }
                      labels          of the private images: a list, one list per round, or a file; default inferred
                      truth           { "images": …, "labels": … } of the others (of all, without own update), for scoring alone:
                                      client by client, each in the order of its steps
  files             .npy, .npz, .safetensors; weights flat or one array per parameter, named or in the order of state_dict();
                    images uint8 or floats in [0, 1], [N, C, H, W]. In files of a round {k} stands for its number
  --out DIR         where index.html, grid.png, reconstructions.npy and audit.json go (default build/audit/NAME)
  --json            print one object { rmse, floor, leakage, matchingLoss, trueMatchingLoss, found, labels, labelFloor, numClients,
                    seconds, images } alone: null where unknown; labels is the share that is right, labelFloor that of guesses,
                    images the path of reconstructions.npy ([n, C, H, W] round by round, in the order of the truth)
  --help            this text
  exit              0 audited, 1 the data is wrong, 2 the command or the spec cannot be`;

function readOptions(args) {
  const flag = { type: "boolean", default: false };
  const options = { out: { type: "string" }, json: flag, help: flag };
  const { values, positionals } = parseArgs({ args, allowPositionals: true, options });
  if (!values.help && positionals.length !== 1) throw new Error(`needs one SPEC.json, got ${positionals.length}`);
  if (values.out === "") throw new Error("needs a folder for --out, got nothing");
  return { ...values, file: positionals[0] };
}

/** What is not meant for standard output goes to standard error while a task runs, whoever prints it. */
async function quietly(task) {
  const write = process.stdout.write;
  process.stdout.write = process.stderr.write.bind(process.stderr);
  try {
    return await task();
  } finally {
    process.stdout.write = write;
  }
}

function tableOf({ rmse, floor, leakage, matchingLoss, found, labels, labelFloor }) {
  const number = (value, digits = 3) => (value === null ? "not known" : value.toFixed(digits));
  return [
    `found     ${found === null ? "cannot be judged" : found ? "yes" : "no"} (matching loss ${matchingLoss.toExponential(1)})`,
    `RMSE      ${number(rmse)}, floor ${number(floor)}, leakage ${number(leakage, 2)}`,
    `labels    ${number(labels, 2)} right, by chance ${number(labelFloor, 2)}`,
  ].join("\n");
}

async function main(args) {
  const refuse = (error, code) => {
    if (error.name !== "InputError") throw error;
    const text = error.message.replace(/\s*\n\s*/g, " ");
    return (console.error(text.startsWith("audit: ") ? text : `audit: ${text}`), code);
  };
  let options;
  try {
    options = readOptions(args);
  } catch (error) {
    return (console.error(`audit: ${error.message}; see npm run audit -- --help`), 2);
  }
  if (options.help) return (console.log(usage), 0);

  await quietly(() => setup({ only: ["build", "tensorflow"] }));
  const require = createRequire(import.meta.url);
  const part = (name) => require(`curious-inside/dist/audit/${name}.js`);
  const { InputError } = require("curious-inside/dist/core/errors.js");
  const folder = options.out ?? at("build", "audit", basename(options.file).replace(/\.json$/i, ""));
  let spec;
  try {
    spec = await part("spec").readSpec(options.file);
    part("writeAudit").checkReport(folder);
  } catch (error) {
    return refuse(error, 2);
  }
  const tell = (text) => process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${text}` : `${text}\n`);
  let summary;
  try {
    const found = await quietly(() => part("audit").audit(spec, tell));
    if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
    summary = part("writeAudit").writeAudit(found, folder);
  } catch (error) {
    const isDisk = typeof error.code === "string" && error.syscall !== undefined;
    return refuse(isDisk ? new InputError(`audit: needs to write ${folder}, got ${error.code}`) : error, 1);
  }
  if (options.json) console.log(JSON.stringify(summary));
  else console.log(`${tableOf(summary)}\nreport    ${folder}/index.html`);
  return 0;
}

process.exitCode = await main(process.argv.slice(2));
