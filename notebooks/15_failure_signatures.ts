// ---
// jupyter:
//   kernelspec:
//     display_name: TypeScript (curious-inside)
//     language: typescript
//     name: tslab
// ---

// %% [markdown]
// # 15 · Failure signatures
//
// **Question.** In which of all the settings so far do the four signs of a defense that failed show?
//
// Paper: section 5, the four failure signatures. Needs 03 to 06 in the same profile: it takes their settings from their records, whatever
// parameters they ran with, and their runs from the store, and then needs less than a minute. A run that is not there is computed, and the
// first table says which.
//
// A signature is a paired difference of RMSE on the fixed probe: **present** where its 95 % interval lies below zero, **absent** where it
// lies above, **undecided** where it contains zero. Below zero always means that the curious client sees more.

// %% [markdown]
// ## What is claimed, and how it is tested
// Written before the run.
//
// | id | signature | number tested | present if |
// |---|---|---|---|
// | F1 | RMSE falls over time | RMSE of rounds 35–49 − rounds 0–9, every setting | below 0 |
// | F2 | DP noise lowers early RMSE | RMSE − the same without privacy, rounds 0–19, settings with noise | below 0 |
// | F3 | robust aggregation below no defense | RMSE − the same under the mean, rounds 0–49, rules without privacy | below 0 |
// | F4 | DP and robust together below either | RMSE − rule alone and RMSE − DP alone, rounds 0–19 | both below 0 |
//
// The verdicts are about the setting that the paper's words fit best, named in the parameters; the figure and the tables show all.
// With some sixty intervals at 95 %, three can be expected to miss: a lone signature is no finding.

// %%
import { byProfile, loadDataset, stampOf, table, decide, claimTable, notTestable, writeRecord } from "curious-inside";
import { setting, commonPlan, pick, signatures, showHeatmap } from "curious-inside";
import { runSettings, recordedSettings, recordOf } from "curious-inside";
import type { Change, Claim, Signatures, SignatureWindows, Verdict } from "curious-inside";

// %% tags=["parameters"]
const flip: Change = { poisoning: "signFlip", poisoningParameters: { scale: 1 } }; // κ as in 03
const noise: Change = { privacy: "localDp", privacyParameters: { clipNorm: 1, noiseMultiplier: 3, delta: 1e-5 } }; // paper §5
const krum: Change = { aggregator: "krum", assumedMalicious: 1 }; // paper §5
const subjects = {
  F1: setting(flip), // the paper's strongest poisoning
  F2: setting(noise),
  F3: setting({ ...flip, ...krum }),
  F4: setting({ ...flip, ...krum, ...noise }), // the paper's third experiment
};
const windows = byProfile<SignatureWindows>({
  smoke: { early: [0, 1], late: [4, 4], noised: [0, 1], robust: [0, 4], combined: [0, 1] },
  quick: { early: [0, 9], late: [35, 49], noised: [0, 19], robust: [0, 49], combined: [0, 19] },
  paper: { early: [0, 9], late: [35, 49], noised: [0, 19], robust: [0, 49], combined: [0, 19] },
});

// %% [markdown]
// ## Experiment
// Every setting of 03 to 06 that has the fixed probe at the common rounds: poisonings; robust rules and differential privacy under the
// sign flip; differential privacy alone. 02's passive run is here with the common rounds and seeds.

// %%
const base = commonPlan(); // M = 10, Fashion-MNIST, LeNet-5, non-IID, 50 rounds: paper §5; the rest: README, Decisions
const dataset = await loadDataset(base.federation.dataset);
const stamp = await stampOf(dataset, base.seeds);
const groups = {
  "03_poisoning": ["dirichlet"],
  "04_robust_aggregation": ["poisoned"],
  "05_differential_privacy": ["single", "batched"],
  "06_combined_defenses": ["plain"],
};
const byNotebook = recordedSettings(groups, base, stamp);
const planned = Object.values(byNotebook).flat();
pick(planned, Object.values(subjects)); // refuses a subject that none of them has
const studies = await runSettings("all settings", planned, dataset);

// %%
const origins = Object.entries(byNotebook).map(([notebook, own]) => {
  const ours = pick(studies, own.map((one) => one.setting)); // prettier-ignore
  const computed = ours.filter(({ study }) => study.sources.some(({ status }) => status === "computed"));
  const counts = { notebook, settings: own.length, "from store": own.length - computed.length };
  return { ...counts, "computed here": computed.map((one) => one.setting.label).join(", ") || "none" };
});
table(origins, { title: "Runs, with the seeds that each notebook gave them" });

// %% [markdown]
// Each signature where it has a meaning: the difference with its interval, and what was subtracted.

// %%
const found = signatures(studies, windows);
const ids = ["F1", "F2", "F3", "F4"] as const;
const statements = {
  F1: "RMSE late − early",
  F2: "RMSE with noise − without",
  F3: "RMSE of the rule − of the mean",
  F4: "RMSE of both − of either alone",
};
const claimOf = (id: (typeof ids)[number], entry: Signatures, note: string): Claim & { note: string } => {
  const about = { id, setting: entry.setting.label, statement: statements[id], note };
  return { ...about, threshold: 0, direction: "below", unit: "pixels in [0, 1]" };
};

// %%
const words: Partial<Record<Verdict, string>> = { reproduced: "present", contradicted: "absent" };
const cells = found.flatMap((entry) =>
  ids.flatMap((id) => {
    const sign = entry[id];
    if (sign === null) return [];
    const { verdict } = decide({ ...claimOf(id, entry, ""), ...sign });
    return [{ id, entry, sign, word: words[verdict] ?? verdict }];
  }),
);

// %%
const signRows = cells.map(({ id, entry, sign, word }) => {
  const { mean, interval, n } = sign.estimate;
  const numbers = { difference: mean, low: interval[0], high: interval[1], seeds: n };
  return { setting: entry.setting.label, signature: id, ...numbers, against: sign.against, decision: word };
});
table(signRows, { title: "Signatures, differences of RMSE in pixels in [0, 1]" });

// %%
const allWords = [...new Set(cells.map(({ word }) => word))].sort();
const countOf = (id: string, word: string) => cells.filter((cell) => cell.id === id && cell.word === word).length;
const counts = ids.map((id) => ({
  signature: id,
  statement: statements[id],
  ...Object.fromEntries(allWords.map((word) => [word, countOf(id, word)])),
}));
table(counts, { title: "In how many settings" });

// %% [markdown]
// ## Figure
// All at once. Brown is a signature present: the curious client sees more. A dash is a signature without meaning for the setting, such as
// noise where there is none.

// %%
const spec = {
  title: "The four failure signatures",
  quantity: "difference of RMSE",
  rows: found.map((entry) => entry.setting),
  columns: ids.map((id) => ({ label: `${id}: ${statements[id]}` })),
  cells: found.map((entry) => ids.map((id) => entry[id]?.estimate ?? null)),
};
await showHeatmap("15_failure_signatures", spec, stamp);

// %% [markdown]
// ## Verdicts
// The note counts the signature over all settings.

// %%
const claims = ids.map((id) => {
  const entry = found.find((one) => one.setting.label === subjects[id].label)!;
  const sign = entry[id];
  const note = allWords.map((word) => `${word} in ${countOf(id, word)}`).join(", ");
  const claim = claimOf(id, entry, `over all settings: ${note}`);
  return sign === null ? notTestable(claim) : decide({ ...claim, ...sign });
});
claimTable(claims);
const { config: plans, seconds } = recordOf({ all: studies });
writeRecord("15_failure_signatures", { ...stamp, config: { ...plans, windows }, seconds, claims });

// %% [markdown]
// ## What we saw
// Paper profile; over all honest clients, plain attacker.
//
// - **F1 means nothing where it is present.** The error falls along the run under strong noise, where it began far above the floor and
//   ends above it: a model that runs away, not a leak. Wherever something is seen at first (passive, poisonings, the oracle) it rises.
// - **F2, F3 and F4 are present nowhere**, but for one difference of 0.01 among all (median with weak noise), where one or two may be expected by
//   chance. Noise and robust rules raise the error over all honest clients from the first round on. 04 and 06 show the exceptions,
//   over contributors: Krum, and FreqFed late.
//
// **Deviations.** The paper names the signatures and gives neither rounds nor a test. F2 compares with the run without privacy, so
// clipping counts as part of the noise: 05 tells them apart. IID clients (03), rules with nobody poisoning (04), and attackers that try
// harder (04, 05) are not in the table, as they have no counterpart at the same rounds.
//
// **Next.** 16_choosing_a_defense, if one has to be chosen.
