/** @file Aggregation, pre-aggregation and poisoning rules: which rule of the library a reference's name means. */
import { flatten, MISSING } from "./compare.mjs";

/**
 * Reference name -> (library, updates: Float32Array[], params) => { output, selected?, … }, or undefined where the library has
 * no such rule. A further rule is a further line here.
 */
const rules = {
  Average: aggregator("mean"),
  Mean: aggregator("mean"),
  Median: aggregator("median"),
  TrMean: aggregator("trimmedMean"),
  TrimmedMean: aggregator("trimmedMean"),
  Meamed: aggregator("meaMed"),
  GeometricMedian: aggregator("geometricMedian", ({ nu, T }) => ({ f: 0, smoothing: nu, iterations: T })),
  GeoMed: aggregator("geometricMedian", ({ eps, maxiter }) => ({ f: 0, smoothing: eps, iterations: maxiter })),
  Krum: aggregator("krum", ({ f }) => ({ f, neighbours: "n-f-1" })),
  Krum_blanchard2017: aggregator("krum", ({ f, neighbours }) => ({ f, neighbours })),
  MultiKrum: aggregator("multiKrum", ({ f }) => ({ f, neighbours: "n-f-1" })),
  MultiKrum_blanchard2017: aggregator("multiKrum", ({ f, neighbours }) => ({ f, neighbours })), // its m is n - f
  CenteredClipping: aggregator("centeredClipping", ({ L, tau }) => ({ f: 0, iterations: L, clipNorm: tau })),
  MDA: aggregator("mda"),
  MoNNA: aggregator("moNna", ({ f, idx }) => ({ f, trusted: idx })),
  CAF: aggregator("caf"),
  CAF_exact_eig: aggregator("caf"),
  SMEA: aggregator("smea"),
  SMEA_exact_eig: aggregator("smea"),
  NNM: preAggregation("nnm"),
  Bucketing: preAggregation("bucketing"),
  Clipping: preAggregation("clipping", ({ c }) => ({ f: 0, clipNorm: c })),
  ARC: preAggregation("arc"),
  "Clipping>NNM>TrMean": pipeline(["clipping", "nnm"], "trimmedMean", ({ c, f }) => ({ f, clipNorm: c })),

  DnC: aggregator("dnc", ({ f, niters, sub_dim: b, c }) => ({
    f,
    iterations: niters,
    subsampleSize: b,
    filterFraction: c,
  })),
  FreqFed_1d_hdbscan: aggregator("freqFed", (_, d) => ({ f: 0, layers: [[d]] })), // a vector of biases: its first half
  DCT2_ortho_row0: ({ lowFrequencies }, updates, { row }) => {
    const d = updates[row].length;
    return { output: Float32Array.from(lowFrequencies(updates[row], [1, d], [1, d])) };
  },

  SignFlipping: poisoning("omniscientSignFlip", () => ({ scale: 1 })),
  InnerProductManipulation: poisoning("innerProductManipulation", ({ tau }) => ({ scale: tau })),
  ALittleIsEnough: poisoning("alie", ({ tau }) => ({ scale: tau })),
  Mimic: poisoning("mimic", ({ epsilon }) => ({ mimicked: epsilon })),
  Inf: poisoning("infinity"),
  Gaussian: poisoning("gaussianNoise", ({ sigma }) => ({ noiseStd: sigma, noiseMode: "replacing" })),
  LabelFlipping: poisoning("labelFlip"),
  MinMax_blades: (library, updates, params) => {
    const { output } = poisoning("minMax")(library, updates, params) ?? {};
    return output && { output, gamma: library.minMaxGamma(updates) };
  },
  Optimal_InnerProductManipulation: againstTrimmedMean("optimalInnerProductManipulation"),
  Optimal_ALittleIsEnough: againstTrimmedMean("optimalAlie"),
  "SignFlipping+TrMean (README quick start)": (library, updates, { f }) => {
    const { output } = poisoning("omniscientSignFlip", () => ({ scale: 1 }))(library, updates, {}) ?? {};
    return output && aggregator("trimmedMean")(library, [...updates, output], { f });
  },
  "ByzantineClient(InnerProductManipulation)": (library, updates, { tau, f }) => {
    const { output } = poisoning("innerProductManipulation", () => ({ scale: tau }))(library, updates, {}) ?? {};
    return output && { output: new Array(f).fill(output) };
  },
};

/** A rule of the registry `aggregators`; `options` turns the reference's parameters, and d, into the library's. */
function aggregator(name, options = ({ f = 0 }) => ({ f })) {
  return ({ aggregators }, updates, params) => {
    const { update, kept } = aggregators?.[name]?.aggregate(updates, options(params, updates[0].length)) ?? {};
    return update && { output: update, selected: kept };
  };
}

/** A rule of the registry `preAggregations`; its output is a list of vectors. */
function preAggregation(name, options = ({ f = 0 }) => ({ f })) {
  return ({ preAggregations }, updates, params) => {
    const { updates: output } = preAggregations?.[name]?.transform(updates, options(params)) ?? {};
    return output && { output };
  };
}

/** A rule behind pre-aggregations. */
function pipeline(names, rule, options) {
  return ({ aggregators, preAggregate }, updates, params) => {
    if (!aggregators?.[rule]) return undefined;
    return { output: preAggregate(aggregators[rule], names).aggregate(updates, options(params)).update };
  };
}

/**
 * A rule of the registry `poisonings`: the entry's vectors are the honest updates, and the malicious client's own is their mean, so
 * a rule that only changes batches sends that; `parameters` turns the reference's parameters into the library's.
 */
function poisoning(name, parameters = () => ({}), aggregate) {
  return ({ poisonings, aggregators, createRng }, honestUpdates, params) => {
    if (poisonings?.[name] === undefined) return undefined;
    const own = aggregators.mean.aggregate(honestUpdates, { f: 0 }).update;
    const context = {
      parameters: parameters(params),
      numClients: honestUpdates.length + (params.f ?? 1),
      numMalicious: params.f ?? 1,
      honestUpdates,
      inputShape: [1, 1, 1],
      numClasses: 2,
      ...(aggregate && { aggregate }),
    };
    return { output: poisonings[name].poisonUpdate?.(own, context, createRng(1)) ?? own };
  };
}

/** A rule that tries scales on the server's, here a trimmed mean behind nearest neighbour mixing and clipping. */
function againstTrimmedMean(name) {
  return (library, honestUpdates, params) => {
    const { aggregators, preAggregate } = library;
    if (!aggregators?.trimmedMean) return undefined;
    const server = preAggregate(aggregators.trimmedMean, ["nnm", "clipping"]);
    const aggregate = (updates) => server.aggregate(updates, { f: params.f, clipNorm: 2 }).update;
    return poisoning(name, () => ({}), aggregate)(library, honestUpdates, params);
  };
}

/**
 * Compares an entry's output, and whatever else both sides name (selected clients in any order, gamma).
 * @param entry name, params, input (n vectors), output; optional full_precision, tolerance, random, selected, gamma
 */
export function checkRule(library, entry) {
  if (!Object.hasOwn(rules, entry.name)) return { skip: MISSING };
  if (entry.random) return { skip: "its output depends on chance" };
  const updates = entry.input.map((row) => Float32Array.from(row));
  const result = rules[entry.name](library, updates, entry.params ?? {});
  if (result === undefined) return { skip: MISSING };
  const expected = flatten(entry.full_precision ?? entry.output);
  const rounding = precision(result.output) * Math.max(1, ...expected.filter(Number.isFinite).map(Math.abs));
  const tolerance = Math.max(entry.tolerance ?? 0, rounding);
  const comparisons = [{ what: "output", got: result.output, expected, tolerance }];
  if (entry.selected && result.selected) {
    const [got, selected] = [result.selected, entry.selected].map((clients) => [...clients].sort((i, j) => i - j));
    comparisons.push({ what: "selected", got, expected: selected, tolerance: 0 });
  }
  if (typeof entry.gamma === "number" && result.gamma !== undefined)
    comparisons.push({ what: "gamma", got: result.gamma, expected: entry.gamma, tolerance: precision(result.output) });
  return { comparisons };
}

/** 1e-9 for float64, 1e-5 for float32: a rule's output, or a list of them. */
function precision(output) {
  const sample = Array.isArray(output) ? output[0] : output;
  return sample instanceof Float32Array ? 1e-5 : 1e-9;
}
