// ---
// jupyter:
//   kernelspec:
//     display_name: TypeScript (curious-inside)
//     language: typescript
//     name: tslab
// ---

// %% [markdown]
// # 02 · The passive listener
//
// **Question.** How much does a client who only listens learn about its peers' images, and when in the run?
//
// Paper: section 5, the passive run that every later figure is compared with; the first of its experiments. Needs 01 for the
// words. Time on two cores: quick about 4 minutes, paper about 4 hours.
//
// A federation of ten clients trains LeNet-5 on non-IID Fashion-MNIST for 50 rounds. One client poisons nothing. At chosen rounds
// it inverts the difference of two broadcasts. Two kinds of victims:
//
// - the **fixed probe**: the same nine private images presented at every round, so that image difficulty cancels (trends use it);
// - the **trajectory**: the images really used in the round (pictures use it).

// %% [markdown]
// ## What is claimed, and how it is tested
// Written before the run. Estimates are means over seeds with 95 % intervals, paired by seed and image.
//
// | id | claim | number tested | holds if |
// |---|---|---|---|
// | C1 | a client can reconstruct peers' images from broadcasts alone | RMSE − no-information floor, rounds 0–9, probe | below 0 |
// | C2 | early rounds leak most | RMSE(rounds 40–49) − RMSE(rounds 0–9), probe | above 0 |
// | C3 | secure aggregation does not help | \|RMSE with masks − without\|, rounds 0–9, probe | below 0.01 |
//
// C1 and C2 are tested for both LeNet-5s that the paper's words allow. C3's other half, that the observed gradient is the same and the
// server sees only masked updates, is measured too.

// %%
import { defaultFederation, loadDataset, isForced, byProfile, progressBar, stampOf, describe } from "curious-inside";
import { measureLeakage, compareMasking, curveOf, seedMeans, estimateMean, pairedDifference } from "curious-inside";
import { table, showLines, showImages, asRmse, decide, claimTable, writeRecord } from "curious-inside";

// %% tags=["parameters"]
const seeds = byProfile({ smoke: [1, 2], quick: [1, 2, 3, 4], paper: Array.from({ length: 30 }, (_, i) => i + 1) });
const base = {
  ...defaultFederation, // M = 10, Fashion-MNIST, LeNet-5, non-IID: paper §5; B = 1 and the rest: README, Decisions
  rounds: byProfile({ smoke: 5, quick: 50, paper: 50 }), // paper §5
};
const attack = {
  prior: "autoencoder" as const, // paper eq. 22; its widths are not stated: our choice
  labels: "inferred" as const, // not stated: our choice, nothing is granted
  objective: "cosine" as const, // not stated: our choice
  learningRate: 0.1, // Adam on the code, not stated: our choice
  steps: byProfile({ smoke: 10, quick: 250, paper: 600 }), // not stated: our choice
  autoencoderSteps: byProfile({ smoke: 10, quick: 400, paper: 1000 }), // not stated: our choice
};

// %%
const early = byProfile<[number, number]>({ smoke: [0, 1], quick: [0, 9], paper: [0, 9] }); // first and last round
const late = byProfile<[number, number]>({ smoke: [3, 4], quick: [40, 49], paper: [40, 49] });
const probeRounds = byProfile({
  smoke: [0, 1, 4],
  quick: [0, 3, 6, 9, 25, 40, 43, 46, 49],
  paper: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 15, 20, 25, 30, 35, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49],
});
const trajectoryRounds = byProfile({ smoke: [0, 4], quick: [0, 9, 25, 49], paper: [0, 4, 9, 15, 20, 25, 30, 40, 49] });
const maskedRounds = byProfile({ smoke: [0, 1], quick: [0, 3, 9], paper: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] });
const common = {
  attack: attack,
  seeds: seeds,
  probeBatchSize: 1,
  probeRounds: probeRounds,
  trajectoryRounds: trajectoryRounds,
};

// %% [markdown]
// ## Experiment
// Three plans share one call, so that both cores are busy until the end: LeCun's LeNet-5 (tanh, average pooling), today's LeNet-5
// (ReLU, max pooling), and the first again under secure aggregation for ten rounds. Each LeNet-5 gets the learning rate at which
// it trains steadily. What was computed before comes from the store.

// %%
const tanh = { ...base, activation: "tanh" as const, pooling: "average" as const, learningRate: 0.1 }; // η: our choice
const relu = { ...base, activation: "relu" as const, pooling: "max" as const, learningRate: 0.02 }; // η: our choice
const masked = { ...tanh, secureAggregation: true, rounds: maskedRounds[maskedRounds.length - 1] + 1 };
const plans = {
  tanhAverage: { ...common, federation: tanh },
  reluMax: { ...common, federation: relu, trajectoryRounds: [] },
  masked: { ...common, federation: masked, probeRounds: maskedRounds, trajectoryRounds: [] },
};
const dataset = await loadDataset(base.dataset);
const stamp = await stampOf(dataset, seeds);
const bar = progressBar("passive listener");
const study = await measureLeakage(plans, dataset, { force: isForced(), onProgress: bar.update });
bar.done();

// %%
const sources = Object.entries(study).flatMap(([setting, { runs, sources: all }]) =>
  runs.map(({ seed }, i) => ({ setting: setting, seed: seed, "where from": describe(all[i]) })),
);
table(sources, { title: "Runs" });

// %% [markdown]
// One row a setting and seed: RMSE on the probe early and late, against the floor of that seed's client; leakage is
// 1 − RMSE/floor. The matching loss says whether the inversion converged.

// %%
const summary = (["tanhAverage", "reluMax"] as const).flatMap((setting) => {
  const mean = (window: [number, number], of: "rmse" | "floor" | "leakage" | "matchingLoss") =>
    seedMeans(study[setting], "probe", window, (leak) => leak[of]);
  return study[setting].runs.map(({ seed, rounds }, i) => ({
    setting: setting,
    seed: seed,
    "RMSE early": mean(early, "rmse")[i],
    "RMSE late": mean(late, "rmse")[i],
    floor: mean(early, "floor")[i],
    "leakage early": mean(early, "leakage")[i],
    "matching loss early": mean(early, "matchingLoss")[i],
    "final accuracy": rounds[rounds.length - 1].accuracy,
  }));
});
table(summary, { title: "Early and late, per seed" });

// %% [markdown]
// ## Figures

// %%
const main = study.tanhAverage;
const line = (series: "probe" | "trajectory", of: "rmse" | "leakage" | "matchingLoss" | "labelAccuracy") => ({
  setting: series,
  ...curveOf(main, series, (leak) => leak[of]),
});
const both = (of: "rmse" | "leakage" | "matchingLoss" | "labelAccuracy") => [line("probe", of), line("trajectory", of)];
const floorLine = { setting: "floor" as const, ...curveOf(main, "probe", (leak) => leak.floor) };
const trained = (of: "objectiveGap" | "accuracy") => [
  { setting: "passive" as const, ...curveOf(main, "rounds", (round) => round[of]) },
];

// %%
const unitRange = [0, 1.05] as const;
const panels = [
  { title: "Error", x: "round" as const, y: "rmse" as const, series: [...both("rmse"), floorLine] },
  { title: "Leakage", x: "round" as const, y: "leakage" as const, series: both("leakage") },
  {
    title: "Did the inversion converge?",
    x: "round" as const,
    y: "matchingLoss" as const,
    series: both("matchingLoss"),
  },
  { title: "Labels", x: "round" as const, y: "labelAccuracy" as const, series: both("labelAccuracy") },
  { title: "Objective gap", x: "round" as const, y: "objectiveGap" as const, series: trained("objectiveGap") },
  { title: "Accuracy", x: "round" as const, y: "accuracy" as const, series: trained("accuracy"), yRange: unitRange },
];
const title = "The passive listener along a run (LeNet-5, tanh + average pooling)";
await showLines("02_passive_listener_run", { title: title, panels: panels }, stamp);

// %% [markdown]
// The same attack on both LeNet-5s. Where the matching loss stays high the inversion has **not converged**, and a high RMSE then
// says nothing about protection.

// %%
const compare = (of: "rmse" | "leakage" | "matchingLoss") =>
  (["tanhAverage", "reluMax"] as const).map((setting) => ({
    setting: setting,
    ...curveOf(study[setting], "probe", (leak) => leak[of]),
  }));
const twoNets = [
  { title: "Leakage", x: "round" as const, y: "leakage" as const, series: compare("leakage") },
  { title: "Matching loss", x: "round" as const, y: "matchingLoss" as const, series: compare("matchingLoss") },
];
await showLines("02_passive_listener_networks", { title: "Two LeNet-5s, one attack", panels: twoNets }, stamp);

// %% [markdown]
// Private images and what the client sees of them: first the probe, the same nine images inverted at four rounds; then the
// trajectory, each round's own images.

// %%
const first = main.runs[0];
const cut = (images: Float32Array) => Array.from({ length: 9 }, (_, i) => images.subarray(784 * i, 784 * (i + 1)));
const picks = [first.probe[0], ...first.probe.filter(({ round }) => [9, 25, 49].includes(round))];
const probeRows = picks.map((leak) => ({
  label: `round ${leak.round}`,
  images: cut(leak.reconstructions),
  captions: leak.perImage.map(asRmse),
}));
const rows = [{ label: "private", images: cut(first.probe[0].privateImages) }, ...probeRows];
const columns = first.probe[0].labels.map((label) => dataset.classNames[label]);
const probeTitle = `The fixed probe, reconstructed along the run (seed ${first.seed})`;
await showImages(
  "02_passive_listener_probe",
  { title: probeTitle, shape: dataset.inputShape, columns: columns, rows: rows },
  stamp,
);

// %%
const trajectoryRows = first.trajectory.flatMap((leak) => [
  { label: `round ${leak.round}: private`, images: cut(leak.privateImages) },
  { label: "reconstructed", images: cut(leak.reconstructions), captions: leak.perImage.map(asRmse) },
]);
const clients = Array.from({ length: 9 }, (_, i) => `client ${i + 1}`);
const trajectoryTitle = `The images of the rounds themselves (seed ${first.seed})`;
await showImages("02_passive_listener_trajectory", { title: trajectoryTitle, shape: dataset.inputShape, columns: clients, rows: trajectoryRows }, stamp); // prettier-ignore

// %% [markdown]
// ## Verdicts

// %%
const unit = "pixels in [0, 1]";
const notes = {
  tanhAverage: "",
  reluMax: "matching loss stays high: the inversion does not converge, which is not protection",
};
const perNetwork = (["tanhAverage", "reluMax"] as const).flatMap((setting) => {
  const mean = (window: [number, number]) => seedMeans(study[setting], "probe", window, (leak) => leak.rmse);
  const overFloor = seedMeans(study[setting], "probe", early, (leak) => leak.rmse - leak.floor);
  const shared = { setting: setting, unit: unit, threshold: 0, note: notes[setting] };
  const c1 = { id: "C1", statement: "Early RMSE − no-information floor", direction: "below" as const };
  const c2 = { id: "C2", statement: "RMSE late − RMSE early", direction: "above" as const };
  return [
    decide({ ...shared, ...c1, estimate: estimateMean(overFloor) }),
    decide({ ...shared, ...c2, estimate: pairedDifference(mean(late), mean(early)) }),
  ];
});

// %%
const rmseAt = (setting: "tanhAverage" | "masked") =>
  study[setting].runs.map(({ probe }) => probe.filter(({ round }) => maskedRounds.includes(round)));
const meanRmse = (leaks: ReturnType<typeof rmseAt>[number]) =>
  leaks.reduce((sum, { rmse }) => sum + rmse / leaks.length, 0);
const apart = rmseAt("masked").map((leaks, i) => Math.abs(meanRmse(leaks) - meanRmse(rmseAt("tanhAverage")[i])));
const checks = await compareMasking(tanh, dataset, seeds);
table(checks, { title: "The first round, from both sides", headers: { maskedCorrelation: "server: correlation, masked", plainCorrelation: "server: correlation, plain", gradientDifference: "client: relative difference" } }); // prettier-ignore
const c3 = { id: "C3", direction: "below" as const, note: "" };
const masking = [
  decide({ ...c3, setting: "RMSE", statement: "|RMSE with masks − without|", unit: unit, threshold: 0.01, estimate: estimateMean(apart) }), // prettier-ignore
  decide({ ...c3, setting: "gradient", statement: "Relative difference of the client's gradient", unit: "relative", threshold: 1e-3, estimate: estimateMean(checks.map((check) => check.gradientDifference)) }), // prettier-ignore
  decide({ ...c3, setting: "server", statement: "Correlation of the server's inputs with updates", unit: "correlation", threshold: 0.05, estimate: estimateMean(checks.map((check) => check.maskedCorrelation)) }), // prettier-ignore
];

// %%
const claims = [...perNetwork, ...masking];
claimTable(claims);
const seconds = Object.values(study).flatMap(({ sources: all }) => all.map((source) => source.seconds));
const total = seconds.reduce((sum, value) => sum + value, 0); // over all runs, two of them at a time
writeRecord("02_passive_listener", {
  ...stamp,
  config: { ...common, tanh: tanh, relu: relu, masked: masked },
  seconds: total,
  claims: claims,
});

// %% [markdown]
// ## What we saw
// (written after the run)
