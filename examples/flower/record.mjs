/**
 * @file npm run flower [-- --write]: trains the federations of app.py in Flower, records them, and holds the recordings against the
 * library. They go to build/flower; with --write they take the place of the committed ones.
 */
import { cpSync, mkdirSync } from "node:fs";
import { parseArgs } from "node:util";
import { benchPython } from "../../bench/harness/environment.mjs";
import { setup } from "../../scripts/setup.mjs";
import { at, remove, run, SetupError } from "../../scripts/steps/common.mjs";
import { differences } from "./check.mjs";

const names = ["one-image-each", "local-steps", "blitz"];
const LARGEST = 1e-4; // relative difference, of float32
const REMEDY = "It needs Fashion-MNIST and CIFAR-10: see data/README.md.";
const below = (folder) => `${folder}/flower/recordings`;

/** Trains one federation; true where its recording is what its spec says. */
async function record(python, name, folder) {
  await run(python, [at("examples", "flower", "app.py"), name, `${below(folder)}/${name}`], {
    seconds: 300,
    remedy: REMEDY,
  });
  const rounds = await differences(at("examples", `${name}.json`), folder);
  for (const [round, { mean, own }] of rounds.entries())
    console.log(
      `${name}, round ${round}: off by ${mean.toExponential(1)}, the client's own by ${own.toExponential(1)}`,
    );
  return rounds.length > 0 && rounds.every(({ mean, own }) => mean <= LARGEST && own <= LARGEST);
}

async function main() {
  const { values } = parseArgs({ options: { write: { type: "boolean", default: false } } });
  await setup({ only: ["build", "tensorflow"] });
  const python = await benchPython();
  const folder = at("build");
  remove(at("build", "flower"));
  mkdirSync(below(folder), { recursive: true });
  for (const name of names)
    if (!(await record(python, name, folder)))
      throw new SetupError(`${name}: what was recorded is not what examples/${name}.json says.`);
  if (!values.write) return;
  remove(below(at("examples")));
  cpSync(below(folder), below(at("examples")), { recursive: true });
}

try {
  await main();
} catch (error) {
  console.error(
    `✗ ${error instanceof SetupError ? error.message : error.stack}${error.remedy ? `\n  → ${error.remedy}` : ""}`,
  );
  process.exitCode = 1;
}
