import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after, before } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import type { Dataset } from "../core/types";
import { loadDataset } from "../data/source";
import type * as Config from "../fl/config";
import type { Leak } from "../metrics/leak";
import { rmse } from "../metrics/rmse";
import type * as Leakage from "./studies";
import type { LeakageStudy } from "./studies";
import type { StudyOptions } from "./study";
import type { LeakagePlan, LeakageRun } from "./measure";

// As in a child process, so results can be compared to the bit; read when TensorFlow is loaded.
Object.assign(process.env, { TF_NUM_INTRAOP_THREADS: "1", TF_NUM_INTEROP_THREADS: "1", CURIOUS_WORKERS: "1" });
const { measureLeakage } = require("./studies") as typeof Leakage;
const { defaultFederation } = require("../fl/config") as typeof Config;

const root = mkdtempSync(join(tmpdir(), "leakage-"));
after(() => rmSync(root, { recursive: true, force: true }));

let folders = 0;
/** Lets the store begin anew. */
function newStore(): string {
  return (process.env["CURIOUS_STORE"] = join(root, String(folders++)));
}

const pixels = 28 * 28;
const plan: LeakagePlan = {
  federation: {
    ...defaultFederation,
    ...{ dataset: "strokes", architecture: "softmaxRegression", partition: "iid" },
    ...{ numClients: 3, rounds: 3, evaluationImages: 30 },
  },
  attacker: { prior: "pixel", labels: "inferred", autoencoderSteps: 2, steps: 10 },
  seeds: [1, 2],
  probeRounds: [0, 2],
  probeBatchSize: 2,
  trajectoryRounds: [1],
};

let dataset: Dataset;
let uninterrupted: LeakageStudy;
before(async () => {
  dataset = await loadDataset("strokes");
  newStore();
  uninterrupted = await measure(plan);
});

async function measure(of: LeakagePlan, options?: StudyOptions): Promise<LeakageStudy> {
  return (await measureLeakage({ only: of }, dataset, options)).only;
}

const roundsOf = (entries: readonly { readonly round: number }[]): number[] => entries.map(({ round }) => round);
const statuses = ({ sources }: LeakageStudy): string[] => sources.map(({ status }) => status);
const seeds = ({ runs }: LeakageStudy): number[] => runs.map(({ seed }) => seed);
const imageOf = (images: Float32Array, i: number): Float32Array => images.slice(i * pixels, (i + 1) * pixels);
/** Typed arrays that were stored are views into larger buffers; only their numbers matter. */
const plain = (runs: readonly LeakageRun[]): unknown =>
  JSON.parse(
    JSON.stringify(runs, (_, value: unknown) => (ArrayBuffer.isView(value) ? [...(value as Float32Array)] : value)),
  );

test("measureLeakage: gives one run per seed, with a leak for every round that was asked for", () => {
  assert.deepEqual(seeds(uninterrupted), [1, 2]);
  for (const { rounds, probe, trajectory } of uninterrupted.runs) {
    assert.deepEqual(roundsOf(rounds), [0, 1, 2, 3]);
    for (const { loss, objectiveGap, accuracy } of rounds) {
      assert.ok(loss > 0 && objectiveGap === loss && accuracy >= 0 && accuracy <= 1); // the optimum is taken as 0
    }
    assert.deepEqual(roundsOf(probe), [0, 2]);
    assert.deepEqual(roundsOf(trajectory), [1]);
  }
  assert.notDeepEqual(uninterrupted.runs[0]!.rounds, uninterrupted.runs[1]!.rounds);
  assert.deepEqual(statuses(uninterrupted), ["computed", "computed"]);
});

test("measureLeakage: gives leaks whose parts fit together", () => {
  const check = (leak: Leak, n: number): void => {
    const { privateImages, reconstructions, perImage, labels, floor, matchingLoss } = leak;
    for (const images of [privateImages, reconstructions]) {
      assert.equal(images.length, n * pixels);
      assert.ok(images.every((x) => x >= 0 && x <= 1));
    }
    assert.equal(labels.length, n);
    assert.ok(labels.every((label) => Number.isInteger(label) && label >= 0 && label < 10));
    const errors = perImage.map((_, i) => rmse(imageOf(privateImages, i), imageOf(reconstructions, i)));
    assert.deepEqual(perImage, errors); // each reconstruction stands at the place of its private image
    assert.ok(Math.abs(leak.rmse - errors.reduce((sum, x) => sum + x, 0) / n) < 1e-12);
    assert.ok(floor > 0 && floor < 1);
    assert.ok(Math.abs(leak.leakage - (1 - leak.rmse / floor)) < 1e-12);
    assert.ok(matchingLoss >= 0 && matchingLoss <= 2); // 1 - cosine
    assert.ok(leak.labelAccuracy >= 0 && leak.labelAccuracy <= 1);
  };
  for (const { probe, trajectory } of uninterrupted.runs) {
    for (const leak of probe) check(leak, 4); // the images of two other clients, two each
    for (const leak of trajectory) check(leak, 2); // batchSize 1
    assert.deepEqual(probe[0]!.privateImages, probe[1]!.privateImages); // the fixed probe
    assert.equal(probe[0]!.floor, probe[1]!.floor);
    assert.notDeepEqual(probe[0]!.reconstructions, probe[1]!.reconstructions);
  }
  // Ten steps on the pixels of a linear model tell something; a mix-up of images or rounds would not.
  for (const { leakage } of uninterrupted.runs.flatMap(({ trajectory }) => trajectory)) assert.ok(leakage > 0.1);
});

test("measureLeakage: takes given labels as they are", async () => {
  const { runs } = await measure({ ...plan, seeds: [1], attacker: { ...plan.attacker, labels: "given" } });
  for (const { labelAccuracy } of [...runs[0]!.probe, ...runs[0]!.trajectory]) assert.equal(labelAccuracy, 1);
});

test("measureLeakage: reads the store the second time, to the same numbers", async () => {
  const heard: string[] = [];
  const again = await measure(plan, { onProgress: (_done, _total, note) => heard.push(note) });
  assert.deepEqual(statuses(again), ["stored", "stored"]);
  assert.deepEqual(plain(again.runs), plain(uninterrupted.runs));
  assert.deepEqual(heard, []); // nothing to wait for
});

test("measureLeakage: gives the same to the bit in two child processes as in this one, and hears of their progress", async () => {
  newStore();
  process.env["CURIOUS_WORKERS"] = "2";
  const heard: [number, number, string][] = [];
  const onProgress = (...progress: [number, number, string]): void => void heard.push(progress);
  const study = await measure(plan, { onProgress }).finally(() => (process.env["CURIOUS_WORKERS"] = "1"));
  assert.deepEqual(plain(study.runs), plain(uninterrupted.runs)); // one thread here and there
  assert.deepEqual(statuses(study), ["computed", "computed"]);
  assert.deepEqual(heard.at(-1)!.slice(0, 2), [200, 200]);
  assert.ok(heard.every(([done], i) => done >= (heard[i - 1]?.[0] ?? 0)));
  for (const seed of [1, 2]) assert.ok(heard.some(([, , note]) => note === `seed ${seed}: inversion`));
});

test("measureLeakage: computes again, to the same numbers, when forced", async () => {
  newStore();
  const one = { ...plan, seeds: [1] };
  const first = await measure(one);
  const forced = await measure(one, { force: true });
  assert.deepEqual(statuses(forced), ["computed"]);
  assert.ok(forced.sources[0]!.computedAt > first.sources[0]!.computedAt);
  assert.deepEqual(plain(forced.runs), plain(first.runs));
  assert.deepEqual(statuses(await measure(one)), ["stored"]);
});

test("measureLeakage: computes new seeds only, and gives the seeds in the order of the plan", async () => {
  const store = newStore();
  await measure({ ...plan, seeds: [2] });
  const heard = new Set<number>();
  const more = await measure(plan, { onProgress: (_done, total) => heard.add(total) });
  assert.deepEqual(
    [seeds(more), statuses(more)],
    [
      [1, 2],
      ["computed", "stored"],
    ],
  );
  assert.deepEqual([...heard], [100]); // one seed's worth
  assert.equal(readdirSync(store).length, 2);
  const reversed = await measure({ ...plan, seeds: [2, 1] });
  assert.deepEqual(
    [seeds(reversed), statuses(reversed)],
    [
      [2, 1],
      ["stored", "stored"],
    ],
  );
  assert.deepEqual(plain(reversed.runs), plain([...uninterrupted.runs].reverse()));
});

test("measureLeakage: trains one autoencoder for settings that share seed and partition", async () => {
  const store = newStore();
  const slow: LeakagePlan = { ...plan, seeds: [1], attacker: { ...plan.attacker, prior: "autoencoder" } };
  const fast: LeakagePlan = { ...slow, federation: { ...slow.federation, learningRate: 0.5 } };
  const studies = await measureLeakage({ slow, fast }, dataset);
  const kinds = readdirSync(store).map((file) => file.split("-")[0]);
  assert.deepEqual(kinds.sort(), ["autoencoder", "leakage", "leakage"]);
  assert.deepEqual(Object.keys(studies), ["slow", "fast"]);
  const [a, b] = [studies.slow.runs[0]!, studies.fast.runs[0]!];
  assert.deepEqual(a.probe[0]!.privateImages, b.probe[0]!.privateImages); // the same victims
  assert.notDeepEqual(a.rounds, b.rounds);
});

test("measureLeakage: trains the autoencoder that plans share once when forced, and equal plans once", async () => {
  newStore();
  const slow: LeakagePlan = { ...plan, seeds: [1], attacker: { ...plan.attacker, prior: "autoencoder" } };
  const fast: LeakagePlan = { ...slow, federation: { ...slow.federation, learningRate: 0.5 } };
  await measureLeakage({ slow }, dataset);
  const heard: string[] = [];
  const options = { force: true, onProgress: (_done: number, _total: number, note: string) => void heard.push(note) };
  const again = await measureLeakage({ slow, fast, same: { ...slow } }, dataset, options);
  assert.equal(heard.filter((note) => note.endsWith("autoencoder")).length, plan.attacker.autoencoderSteps);
  assert.equal(heard.filter((note) => note.endsWith("training")).length, 2 * (plan.federation.rounds + 1));
  assert.deepEqual(plain(again.same.runs), plain(again.slow.runs));
});

test("measureLeakage: refuses a plan that cannot be measured before anything is computed", async () => {
  const store = newStore();
  const cases: readonly [change: Partial<LeakagePlan>, message: string][] = [
    [{ probeRounds: [0, 3] }, "measureLeakage: needs rounds in 0..2, got 3"],
    [{ trajectoryRounds: [-1] }, "measureLeakage: needs rounds in 0..2, got -1"],
    [{ probeRounds: [0.5] }, "measureLeakage: needs rounds in 0..2, got 0.5"],
    [{ seeds: [] }, "measureLeakage: needs at least one seed, got none"],
    [{ probeRounds: [], trajectoryRounds: [] }, "measureLeakage: needs at least one round to invert, got none"],
    [{ probeBatchSize: 0 }, "measureLeakage: needs an integer probeBatchSize >= 1, got 0"],
  ];
  for (const [change, message] of cases) {
    await assert.rejects(measureLeakage({ good: plan, bad: { ...plan, ...change } }, dataset), {
      name: "InputError",
      message,
    });
  }
  assert.ok(!existsSync(store));
});

test("measureLeakage: passes on what train refuses, and stores nothing", async () => {
  const store = newStore();
  const federation = { ...plan.federation, batchSize: 99_999 }; // more than any dataset here has
  await assert.rejects(
    measure({ ...plan, federation }),
    /^InputError: partition: needs 3 clients x 99999 = 299997 images, got 12000; lower/,
  );
  process.env["CURIOUS_WORKERS"] = "2"; // the same from a child process
  const failing = measure({ ...plan, federation }).finally(() => (process.env["CURIOUS_WORKERS"] = "1"));
  await assert.rejects(failing, { name: "InputError", message: /^partition: needs 3 clients x 99999 / });
  assert.deepEqual(readdirSync(store), []);
});

/** Runs a study in a process that is killed (-9) as soon as it hears of that note; returns the pids of its child processes. */
async function kill(of: LeakagePlan, note: string, workers: number): Promise<number[]> {
  const script = `
    const childProcess = require("node:child_process");
    const fork = childProcess.fork;
    childProcess.fork = (...args) => {
      const child = fork(...args);
      console.log(child.pid);
      return child;
    };
    require("node:module").syncBuiltinESMExports();
    const { measureLeakage } = require(${JSON.stringify(join(__dirname, "studies.js"))});
    const { loadDataset } = require(${JSON.stringify(join(__dirname, "../data/source.js"))});
    const onProgress = (_done, _total, note) => {
      if (note === ${JSON.stringify(note)}) process.kill(process.pid, "SIGKILL");
    };
    loadDataset("strokes").then((dataset) => measureLeakage({ only: ${JSON.stringify(of)} }, dataset, { onProgress }));`;
  const env = { ...process.env, CURIOUS_WORKERS: String(workers) };
  const child = spawn(process.execPath, ["-e", script], { env, stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const [, signal] = (await once(child, "exit")) as [number | null, string | null];
  assert.equal(signal, "SIGKILL", "the study was over before it was killed");
  return output.split("\n").filter(Boolean).map(Number);
}

test("measureLeakage: goes on where it was when its process is killed", async () => {
  newStore();
  await kill(plan, "seed 2: inversion", 1);
  const study = await measure(plan);
  assert.deepEqual(statuses(study), ["stored", "computed"]);
  assert.deepEqual(plain(study.runs), plain(uninterrupted.runs));
});

test("measureLeakage: leaves no child process behind when its process is killed", async () => {
  const store = newStore();
  const pids = await kill({ ...plan, attacker: { ...plan.attacker, steps: 100_000 } }, "seed 2: inversion", 2);
  assert.equal(pids.length, 2);
  // A process that ended may stay in the list as a zombie until the system's first process has taken note.
  const isAlive = (pid: number): boolean =>
    /^[^Z]/.test(spawnSync("ps", ["-o", "stat=", "-p", String(pid)], { encoding: "utf8" }).stdout.trim());
  for (let tries = 0; tries < 100 && pids.some(isAlive); tries++) await wait(50);
  assert.deepEqual(pids.filter(isAlive), []);
  assert.deepEqual(readdirSync(store), []);
});
