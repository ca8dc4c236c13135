import assert from "node:assert/strict";
import test from "node:test";
import { deserialize, serialize } from "node:v8";
import { backendReady } from "../core/backend";
import { loadDataset } from "../data/source";
import { defaultFederation, type FederationConfig } from "../fl/config";
import { computeJob } from "../jobs/computeJob";
import type { Job } from "../jobs/job";
import { checkResult } from "../jobs/kind";
import { measureGradientsOf } from "./gradients";
import { measureSeed, type Attacker } from "./measure";
import { ownStore } from "./store.fixture";
import { seedJobs } from "./studies";
import { workshop } from "./workshop";

ownStore();

const federation: FederationConfig = {
  ...defaultFederation,
  dataset: "strokes",
  numClients: 3,
  rounds: 2,
  evaluationImages: 6,
};
const attacker: Attacker = { prior: "pixel", labels: "given", autoencoderSteps: 1, steps: 2 };
const quiet = (): void => undefined;

/** A value as the store gives it back. */
const stored = (value: unknown): unknown => deserialize(serialize(value)) as unknown;

/** The value with something else at a place. */
function withAt(value: unknown, place: string, other: unknown): unknown {
  const copy = structuredClone(value);
  const names = place.split(".");
  const last = names.pop()!;
  const owner = names.reduce((at, name) => (at as Record<string, unknown>)[name], copy) as Record<string, unknown>;
  owner[last] = other;
  return copy;
}

function assertRefused(
  job: { kind: string; plan: unknown },
  value: unknown,
  cases: readonly (readonly [string, unknown, RegExp])[],
): void {
  for (const other of [null, undefined, 7, "run", [], {}, new Float32Array(3)])
    assert.throws(() => checkResult(workshop.kinds, job, other), {
      name: "InputError",
      message: new RegExp(`^${job.kind}: needs `),
    });
  for (const [place, other, message] of cases) {
    const refused = { name: "InputError", message };
    assert.throws(() => checkResult(workshop.kinds, job, withAt(value, place, other)), refused, place);
  }
}

test("checkResult: takes what a leakage job gives, through the store too, and names the first place of another", async () => {
  const dataset = await loadDataset("strokes");
  const plan = { federation, attacker, seeds: [1], probeRounds: [0], probeBatchSize: 1, trajectoryRounds: [1] };
  const value = await measureSeed(plan, dataset, null, quiet);
  const job = { kind: "leakage", plan };
  for (const own of [value, stored(value)]) checkResult(workshop.kinds, job, own);
  assertRefused(job, value, [
    ["seed", "1", /needs an? .* at seed, got 1$/],
    ["seed", 2, /needs what fits at seed \(the plan's\), got 2$/],
    ["rounds", value.rounds.slice(1), /at rounds \(all that were trained, and one more\)/],
    ["probe", [], /at probe \(the plan's probe rounds\)/],
    ["probe.0.round", 1, /at probe \(the plan's probe rounds\)/],
    ["trajectory", value.probe, /at trajectory \(the plan's trajectory rounds\)/],
    ["rounds.0.loss", NaN, /needs a number at rounds\.0\.loss, got NaN$/],
    ["rounds.1.kept", null, /needs an array at rounds\.1\.kept, got null$/],
    ["rounds.0.extra", 1, /needs only known names at rounds\.0, got extra; known are: round, /],
    ["probe.0.rmse", -1, /at probe\.0\.rmse.*, got -1$/],
    ["probe.0.perImage", [1], /at probe\.0\.labels \(one per private image, as all else\), got /],
    ["trajectory.0.privateImages", [0, 1], /at trajectory\.0\.privateImages/],
    ["trajectory.0.reconstructions", new Float32Array(3), /at trajectory\.0\.labels/],
  ]);
});

test("checkResult: takes what a gradient job gives, and names the first place of another", async () => {
  const dataset = await loadDataset("strokes");
  const plan = { federation, attacker, seeds: [1], rounds: [0], objectiveImages: 2, batches: 2 };
  const value = await measureGradientsOf(plan, dataset, null, quiet);
  const job = { kind: "gradients", plan };
  for (const own of [value, stored(value)]) checkResult(workshop.kinds, job, own);
  assertRefused(job, value, [
    ["seed", 7, /needs what fits at seed \(the plan's\), got 7$/],
    ["rounds", [], /at rounds \(the plan's\)/],
    ["rounds.0.noise", {}, /needs a number at rounds\.0\.noise\.samplingVariance, got undefined$/],
    ["rounds.0.peers.0.image", "pixels", /at rounds\.0\.peers\.0\.image/],
    ["rounds.0.gradientNorm", Infinity, /at rounds\.0\.gradientNorm, got Infinity$/],
  ]);
});

test("checkResult: takes anything of a kind that is no job's, whatever its name", () => {
  for (const kind of ["ball", "constructor", "__proto__"]) checkResult(workshop.kinds, { kind, plan: null }, null);
});

test("computeJob: leaves it to others when the dataset or the backend is another, and refuses a kind or plan it does not know", async () => {
  const dataset = await loadDataset("strokes");
  const plan = {
    federation: { ...defaultFederation, dataset: "strokes", rounds: 1 },
    attacker: { prior: "pixel", labels: "given", autoencoderSteps: 1 },
    ...{ seeds: [1], probeRounds: [0], probeBatchSize: 1, trajectoryRounds: [] },
  } as const;
  const job: Job = seedJobs(plan, { dataset, backend: await backendReady(), force: false })[0]!;
  const compute = (change: Partial<Job>) => computeJob({ ...job, ...change }, workshop.kinds, () => undefined);
  await assert.rejects(compute({ dataset: { name: "strokes", hash: "0".repeat(64) } }), {
    name: "UnfitError",
    message: new RegExp(`^this worker's strokes \\(embedded\\) has hash ${dataset.hash}, the job asks for 0{64}; `),
  });
  await assert.rejects(compute({ backend: "abacus 1.0" }), {
    name: "UnfitError",
    message: /^this worker computes on .*, the job asks for abacus 1\.0$/,
  });
  await assert.rejects(compute({ kind: "magic" }), {
    name: "InputError",
    message:
      "computeJob: needs a kind of leakage, gradients, autoencoder, analyticLeak, localSteps, masking, got magic",
  });
  await assert.rejects(compute({ plan: { ...plan, seeds: "all" } }), {
    name: "InputError",
    message: "leakage: needs an array at seeds, got all",
  });
});
