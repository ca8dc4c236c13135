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
// words. Time on two cores: quick about 2 minutes, paper about half an hour (estimated from the quick run's rate).
//
// A federation of ten clients trains LeNet-5 on non-IID Fashion-MNIST for 50 rounds. One client poisons nothing. At chosen rounds
// it inverts the difference of two broadcasts. Two kinds of victims:
//
// - the **fixed probe**: the same nine private images presented at every round, so image difficulty cancels (trends use it);
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
// server sees only masked updates, is measured too. A claim on errors is *undecided (search)* where the inversion found fewer than nine
// tenths of the images it speaks of: what failed then is the search.

// %%
import { federation, loadDataset, isForced, byProfile, progressBar, stampOf, sourceText } from "curious-inside";
import { ensureParameter } from "curious-inside";
import { measureLeakage, compareMasking, seedMeans, foundShare, estimateMean, pairedDifference } from "curious-inside";
import { leakPanel, roundPanel, privateRow, reconstructedRow, showLines, showImages } from "curious-inside";
import { table, decide, claimTable, writeRecord, type Attacker } from "curious-inside";

// %% tags=["parameters"]
const manySeeds = Array.from({ length: 12 }, (_, i) => i + 1);
const seeds = byProfile({ smoke: [1, 2], quick: [1, 2, 3, 4], paper: manySeeds }); // not stated: our choice
const rounds = byProfile({ smoke: 5, quick: 50, paper: 50 }); // K, paper §5
const attacker: Attacker = {
  prior: "autoencoder", // paper eq. 22; its widths are not stated: our choice
  labels: "inferred", // not stated: our choice, nothing is granted
  objective: "cosine", // not stated: our choice
  learningRate: 0.1, // Adam on the code, not stated: our choice
  steps: byProfile({ smoke: 10, quick: 250, paper: 600 }), // not stated: our choice
  autoencoderSteps: byProfile({ smoke: 10, quick: 400, paper: 1000 }), // not stated: our choice
};
const networks = ["tanhAverage", "reluMax"] as const; // LeCun's LeNet-5 and today's; the paper does not say which

// %% tags=["parameters"]
const early = byProfile<[number, number]>({ smoke: [0, 1], quick: [0, 9], paper: [0, 9] }); // first and last round
const late = byProfile<[number, number]>({ smoke: [3, 4], quick: [40, 49], paper: [40, 49] });
const dense = Array.from({ length: 10 }, (_, i) => i);
const everyFew = [0, 3, 6, 9, 15, 20, 25, 30, 35, 40, 43, 46, 49];
const probeRounds = byProfile({ smoke: [0, 1, 4], quick: [0, 3, 6, 9, 25, 40, 43, 46, 49], paper: everyFew });
const trajectoryRounds = byProfile({ smoke: [0, 4], quick: [0, 9, 25, 49], paper: [0, 9, 20, 30, 40, 49] });
const maskedRounds = byProfile({ smoke: [0, 1], quick: [0, 3, 9], paper: dense });

// %%
const isRound = { from: 0, to: rounds - 1 };
const probedIn = ([first, last]: [number, number]) => probeRounds.filter((k) => first <= k && k <= last);
ensureParameter("seeds", seeds, { from: 0 }, { count: 2 });
ensureParameter("networks", [...networks], ["tanhAverage", "reluMax"]);
ensureParameter("probeRounds", probeRounds, isRound);
ensureParameter("probeRounds within early", probedIn(early), probeRounds);
ensureParameter("probeRounds within late", probedIn(late), probeRounds);
ensureParameter("trajectoryRounds", trajectoryRounds, isRound);
ensureParameter("trajectoryRounds among probeRounds", trajectoryRounds.filter((k) => probeRounds.includes(k)), probeRounds); // prettier-ignore
ensureParameter("maskedRounds", maskedRounds, isRound);
const sharedRounds = maskedRounds.filter((round) => probeRounds.includes(round)); // those that C3 compares
ensureParameter("maskedRounds among probeRounds", sharedRounds, probeRounds);
const common = { attacker, seeds, probeBatchSize: 1, probeRounds };

// %% [markdown]
// ## Experiment
// Three plans share one call, so both cores are busy until the end: LeCun's LeNet-5 (tanh, average pooling), today's LeNet-5
// (ReLU, max pooling), and the first again under secure aggregation for ten rounds. Each LeNet-5 gets the learning rate at which
// it trains steadily. What was computed before comes from the store.

// %%
const base = federation({ rounds }); // M = 10, Fashion-MNIST, non-IID: paper §5; the rest: README, Decisions
const tanh = federation({ ...base, activation: "tanh", pooling: "average", learningRate: 0.1 }); // η: our choice
const relu = federation({ ...base, activation: "relu", pooling: "max", learningRate: 0.02 }); // η: our choice
const masked = federation({ ...tanh, secureAggregation: true, rounds: maskedRounds.at(-1)! + 1 });
const plans = {
  tanhAverage: { ...common, federation: tanh, trajectoryRounds },
  reluMax: { ...common, federation: relu, trajectoryRounds: [] },
  masked: { ...common, federation: masked, probeRounds: maskedRounds, trajectoryRounds: [] },
};
const dataset = await loadDataset(base.dataset);
const stamp = await stampOf(dataset, seeds);
const bar = progressBar("passive listener");
const study = await measureLeakage(plans, dataset, { force: isForced(), onProgress: bar.update });
bar.done();

// %%
const runs = Object.entries(study).flatMap(([setting, { runs: all, sources }]) =>
  all.map(({ seed }, i) => ({ setting, seed, "where from": sourceText(sources[i]!) })),
);
table(runs, { title: "Runs" });

// %% [markdown]
// One row per setting and seed: RMSE on the probe early and late, against the floor of that seed's client; leakage is
// 1 − RMSE/floor. The matching loss says whether the inversion converged.

// %%
const summary = networks.flatMap((setting) => {
  const rmseIn = (window: [number, number]) => seedMeans(study[setting], "probe", window, (leak) => leak.rmse);
  const [earlyRmse, lateRmse] = [rmseIn(early), rmseIn(late)];
  const matching = seedMeans(study[setting], "probe", early, (leak) => leak.matchingLoss);
  return study[setting].runs.map(({ seed, probe, rounds: all }, i) => {
    const floor = probe[0]!.floor;
    const errors = { "RMSE early": earlyRmse[i]!, "RMSE late": lateRmse[i]!, floor };
    const rest = { "leakage early": 1 - earlyRmse[i]! / floor, "matching loss early": matching[i]! };
    return { setting, seed, ...errors, ...rest, "final accuracy": all.at(-1)!.accuracy };
  });
});
table(summary, { title: "Early and late, per seed" });

// %% [markdown]
// ## Figures

// %%
const main = study.tanhAverage;
const lines = (["probe", "trajectory"] as const).map((series) => ({ setting: series, study: main, series }));
const training = [{ setting: "passive" as const, study: main }];
const panels = [
  leakPanel("rmse", lines, { floor: main }),
  leakPanel("leakage", lines),
  leakPanel("found", lines),
  leakPanel("labelAccuracy", lines),
  roundPanel("objectiveGap", training),
  roundPanel("accuracy", training),
];
const runTitle = "The passive listener along a run (LeNet-5, tanh + average pooling)";
await showLines("02_passive_listener_run", { title: runTitle, panels }, stamp);

// %% [markdown]
// The same attack on both LeNet-5s. An inversion has found the images where its matching loss is what the private images themselves have,
// to within a tenth and 1e-5. Where it has **not converged**, a high RMSE says nothing about protection.

// %%
const both = networks.map((setting) => ({ setting, study: study[setting], series: "probe" as const }));
const twoPanels = [leakPanel("leakage", both), leakPanel("found", both)];
await showLines("02_passive_listener_networks", { title: "Two LeNet-5s, one attack", panels: twoPanels }, stamp);

// %% [markdown]
// Private images and what the client sees of them: first the probe, the same nine images inverted at four rounds; then the
// trajectory, each round's own images.

// %%
const { seed, probe, trajectory } = main.runs[0]!;
const shown = probe.filter(({ round }) => trajectoryRounds.includes(round));
const probeRows = shown.map((leak) => reconstructedRow(leak, `round ${leak.round}`));
const probeGrid = {
  title: `The fixed probe, reconstructed along the run (seed ${seed})`,
  shape: dataset.inputShape,
  columns: probe[0]!.labels.map((label) => dataset.classNames[label]!),
  rows: [privateRow(probe[0]!, "private"), ...probeRows],
};
await showImages("02_passive_listener_probe", probeGrid, stamp);

// %%
const trajectoryGrid = {
  title: `The images of the rounds themselves (seed ${seed})`,
  shape: dataset.inputShape,
  columns: trajectory[0]!.labels.map((_, i) => `client ${i + 1}`),
  rows: trajectory.flatMap((leak) => [
    privateRow(leak, `round ${leak.round}: private`),
    reconstructedRow(leak, "reconstructed"),
  ]),
};
await showImages("02_passive_listener_trajectory", trajectoryGrid, stamp);

// %% [markdown]
// ## Verdicts

// %%
const perNetwork = networks.flatMap((setting) => {
  const rmseIn = (window: [number, number]) => seedMeans(study[setting], "probe", window, (leak) => leak.rmse);
  const overFloor = seedMeans(study[setting], "probe", early, (leak) => leak.rmse - leak.floor);
  const shared = { setting, unit: "pixels in [0, 1]", threshold: 0 };
  const c1 = { ...shared, id: "C1", statement: "Early RMSE − no-information floor", direction: "below" as const };
  const c2 = { ...shared, id: "C2", statement: "RMSE late − RMSE early", direction: "above" as const };
  const lateAgainstEarly = pairedDifference(rmseIn(late), rmseIn(early));
  const foundIn = (...windows: [number, number][]) => foundShare([study[setting]], windows);
  return [
    decide({ ...c1, estimate: estimateMean(overFloor), found: foundIn(early) }),
    decide({ ...c2, estimate: lateAgainstEarly, found: foundIn(early, late) }),
  ];
});

// %% [markdown]
// For C3 the masked runs are compared with the plain ones at the same rounds, and the first round is looked at from both sides: what
// the client computes from the broadcasts, and what the server receives.

// %%
const meanRmse = (setting: "tanhAverage" | "masked") =>
  study[setting].runs.map((run) => {
    const leaks = run.probe.filter(({ round }) => sharedRounds.includes(round));
    return leaks.reduce((sum, leak) => sum + leak.rmse / leaks.length, 0);
  });
const plain = meanRmse("tanhAverage");
const apart = meanRmse("masked").map((value, i) => Math.abs(value - plain[i]!));
const sides = await compareMasking(tanh, dataset, seeds);
const headers = {
  gradientDifference: "client: relative difference",
  plainCorrelation: "server: correlation, plain",
  maskedCorrelation: "server: correlation, masked",
};
table(sides, { title: "The first round, from both sides", headers });

// %%
const c3 = { id: "C3", direction: "below" as const, note: "" };
const inRmse = { setting: "RMSE", statement: "|RMSE with masks − without|", unit: "pixels in [0, 1]" };
const inGradient = { setting: "gradient", statement: "Client's gradient, relative difference", unit: "relative" };
const atServer = { setting: "server", statement: "Server's inputs against updates", unit: "correlation" };
const [differences, correlations] = [sides.map((s) => s.gradientDifference), sides.map((s) => s.maskedCorrelation)];
const found = foundShare([study.tanhAverage, study.masked], [[Math.min(...sharedRounds), Math.max(...sharedRounds)]]);
const masking = [
  decide({ ...c3, ...inRmse, threshold: 0.01, estimate: estimateMean(apart), found }),
  decide({ ...c3, ...inGradient, threshold: 1e-3, estimate: estimateMean(differences) }),
  decide({ ...c3, ...atServer, threshold: 0.05, estimate: estimateMean(correlations) }),
];

// %%
const claims = [...perNetwork, ...masking];
claimTable(claims);
const allSeconds = Object.values(study).flatMap(({ sources }) => sources.map((source) => source.seconds));
const seconds = allSeconds.reduce((sum, value) => sum + value, 0); // over all runs, two of them at a time
writeRecord("02_passive_listener", { ...stamp, config: plans, seconds, claims });

// %% [markdown]
// ## What we saw
// Paper profile, twelve seeds.
//
// - **C1 holds for LeCun's LeNet-5.** From broadcasts alone the client recovers its nine peers' labels and images: early RMSE 0.10 to
//   0.15 where the best guess without the gradient has 0.19 to 0.29. In the pictures a handbag has its handle and a boot its sole.
// - **C2 holds there too.** Late in the run the same images come back at 0.18 to 0.32, which is no better than the guess. Two things fade:
//   the label counts read off the gradient become wrong (a wrong label costs its image), and the gradient of images the model fits
//   is small. Most of it happens between rounds 10 and 20.
// - **With ReLU and max pooling this attack fails from the start.** Its RMSE lies 0.06 above the floor, and its matching loss, hundreds of
//   times higher, says why: the inversion does not converge, with 600 steps either. C1 is contradicted for this attacker, but a failed
//   optimisation is no defense; restarts and other optimisers belong to 12_sensitivity. C2 is undecided there, as nothing is recovered
//   that could get worse.
// - **C3 holds.** Masks change the client's gradient in the seventh digit and its RMSE by less than 0.001, while the server's inputs are
//   uncorrelated with the updates.
//
// **Deviations.** The paper says neither which activation and pooling its LeNet-5 has, nor its batch size, learning rate, α or the
// autoencoder's widths: README, Decisions. It reports no floor and no matching loss; without them the two networks above could not be
// told apart from a protected one.
