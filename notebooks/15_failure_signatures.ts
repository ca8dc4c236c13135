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
// Paper: section 5, the four failure signatures. Needs 03 to 06, whose runs it reads from the store: with them there it takes less than
// a minute in either profile. A run that is not there is computed, and the first table says which.
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
import { loadDataset, isForced, byProfile, progressBar, stampOf } from "curious-inside";
import { commonPlan, measureLeakage, studiedPlans, signatures, styleOf } from "curious-inside";
import { showHeatmap, table, decide, claimTable, notTestable, writeRecord } from "curious-inside";
import { type Claim, type Signatures, type SignatureWindows, type Verdict } from "curious-inside";

// %% tags=["parameters"]
const flipped = "signFlip κ=1"; // F1: the paper's strongest poisoning
const noised = "localDp σ=3"; // F2: paper §5, σ = 3
const guarded = "signFlip+krum κ=1"; // F3: paper §5, Krum
const combined = "signFlip+krum+localDp κ=1 σ=3"; // F4: paper §5, its third experiment
const windows: SignatureWindows = byProfile<SignatureWindows>({
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
const byNotebook = studiedPlans();
const plans = Object.assign({}, ...Object.values(byNotebook)) as (typeof byNotebook)["03"];
const bar = progressBar("all settings");
const studies = await measureLeakage(plans, dataset, { force: isForced(), onProgress: bar.update });
bar.done();

// %%
const origins = Object.entries(byNotebook).map(([notebook, all]) => {
  const missing = Object.keys(all).filter((name) => studies[name].sources.some(({ status }) => status === "computed"));
  const counts = {
    notebook: notebook,
    settings: Object.keys(all).length,
    "from store": Object.keys(all).length - missing.length,
  };
  return { ...counts, "computed here": missing.join(", ") || "none" };
});
table(origins, { title: `Runs, ${base.seeds.length} seeds each, fewer where a grid has no verdict` });

// %% [markdown]
// Each signature where it has a meaning: the difference with its interval, and what was subtracted.

// %%
const found = signatures(plans, studies, windows);
const ids = ["F1", "F2", "F3", "F4"] as const;
const statements = {
  F1: "RMSE late − early",
  F2: "RMSE with noise − without",
  F3: "RMSE of the rule − of the mean",
  F4: "RMSE of both − of either alone",
};
const claimOf = (id: (typeof ids)[number], { setting }: Signatures, note: string): Claim & { note: string } => {
  const about = { id: id, setting: styleOf(setting).label, statement: statements[id], note: note };
  return { ...about, threshold: 0, direction: "below", unit: "pixels in [0, 1]" };
};

// %%
const words: Partial<Record<Verdict, string>> = { reproduced: "present", contradicted: "absent" };
const cells = found.flatMap((entry) =>
  ids.flatMap((id) => {
    const sign = entry[id];
    if (sign === null) return [];
    const { verdict } = decide({ ...claimOf(id, entry, ""), estimate: sign.estimate });
    return [{ id: id, entry: entry, sign: sign, word: words[verdict] ?? verdict }];
  }),
);

// %%
const labels = new Map(found.map(({ setting }) => [setting as string, styleOf(setting).label]));
const signRows = cells.map(({ id, entry, sign, word }) => {
  const { mean, interval, n } = sign.estimate;
  const about = { setting: styleOf(entry.setting).label, signature: id };
  const numbers = { difference: mean, low: interval[0], high: interval[1], seeds: n };
  return { ...about, ...numbers, against: labels.get(sign.against) ?? sign.against, decision: word };
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
  rows: found.map(({ setting }) => setting),
  columns: ids.map((id) => ({ label: `${id}: ${statements[id]}` })),
  cells: found.map((entry) => ids.map((id) => entry[id]?.estimate ?? null)),
};
await showHeatmap("15_failure_signatures", spec, stamp);

// %% [markdown]
// ## Verdicts
// The note counts the signature over all settings.

// %%
const subjects = { F1: flipped, F2: noised, F3: guarded, F4: combined };
const claims = ids.map((id) => {
  const [entry] = found.filter(({ setting }) => setting === subjects[id]);
  const sign = entry[id];
  const note = allWords.map((word) => `${word} in ${countOf(id, word)}`).join(", ");
  const claim = claimOf(id, entry, `over all settings: ${note}`);
  return sign === null ? notTestable(claim) : decide({ ...claim, estimate: sign.estimate });
});
claimTable(claims);
const sources = Object.values(studies).flatMap((study) => study.sources);
const seconds = sources.reduce((sum, source) => sum + source.seconds, 0); // over all runs, two of them at a time
const config = { plans: plans, windows: windows };
writeRecord("15_failure_signatures", { ...stamp, config: config, seconds: seconds, claims: claims });

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
// **Deviations.** The paper names the signatures and gives neither rounds nor a test. F2 compares with the run without privacy, so that
// clipping counts as part of the noise: 05 tells them apart. IID clients (03), rules with nobody poisoning (04), and attackers that try
// harder (04, 05) are not in the table, as they have no counterpart at the same rounds.
//
// **Next.** 16_choosing_a_defense, if one has to be chosen.
