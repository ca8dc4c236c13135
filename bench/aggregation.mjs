/** @file How long a server takes over a round's updates: every rule and pre-aggregation, against byzfl where it has the rule. */
import { at } from "../scripts/steps/common.mjs";
import { checkNumbers } from "./harness/numbers.mjs";
import { startEngine, startPython, together } from "./harness/processes.mjs";
import { inTable, ratio, spread } from "./harness/report.mjs";
import { fastest, interleave, speedup, summarize } from "./harness/statistics.mjs";

export const title = "Aggregation against byzfl";
const sizes = [10, 100];
export const goals = Object.fromEntries(
  ["slowest", "krum", "dnc"].flatMap((key) => sizes.map((n) => [`${key}_n${n}`, key === "slowest" ? 1 : 2])),
);

const few = (n) => (n === 10 ? 2 : 1); // for rules that try all subsets
const fifth = (n) => n / 5;
const tolerance = { vector: 1e-5 }; // relative difference in length, in float32
const lists = ["tensors", "arrays"]; // of n vectors
const matrices = ["tensor", "array"]; // [n, d]
const measured = 300; // milliseconds in one measurement, about: processes begin some milliseconds apart

/**
 * Rule -> options; f where it is not a fifth of n; and theirs: byzfl's class and its arguments. `draws` where chance decides the result of
 * either side, so there is nothing to compare ("mean": but for the mean of the vectors); `inPlace` where byzfl writes on its input.
 */
const rules = {
  mean: { theirs: ["Average"] },
  median: { theirs: ["Median"] },
  trimmedMean: { theirs: ["TrMean", (f) => ({ f })] },
  meaMed: { theirs: ["Meamed", (f) => ({ f })] },
  geometricMedian: {
    options: { smoothing: 0.1, iterations: 3 },
    theirs: ["GeometricMedian", () => ({ nu: 0.1, T: 3 })],
  },
  krum: { options: { neighbours: "n-f-1" }, theirs: ["Krum", (f) => ({ f })] },
  multiKrum: { options: { neighbours: "n-f-1" }, theirs: ["MultiKrum", (f) => ({ f })] },
  bulyan: { f: (n) => Math.min(n / 5, Math.floor((n - 3) / 4)) },
  mda: { f: few, theirs: ["MDA", (f) => ({ f })] },
  moNna: { options: { trusted: 0 }, theirs: ["MoNNA", (f) => ({ f, idx: 0 })] },
  centeredClipping: { options: { clipNorm: 1.5 }, theirs: ["CenteredClipping", () => ({ L: 1, tau: 1.5 })] },
  caf: { theirs: ["CAF", (f) => ({ f })], draws: true },
  smea: { f: few, theirs: ["SMEA", (f) => ({ f })], draws: true },
  dnc: { theirs: ["DnC", (f) => ({ f })] },
  freqFed: {},
  signGuard: {},
  foolsGold: {},
  flTrust: {},
  normBounding: {},
  oracle: {},
  nnm: { theirs: ["NNM", (f) => ({ f })] },
  bucketing: { options: { bucketSize: 2 }, theirs: ["Bucketing", () => ({ s: 2 })], draws: "mean" },
  clipping: { options: { clipNorm: 1.5 }, theirs: ["Clipping", () => ({ c: 1.5 })], inPlace: true },
  arc: { theirs: ["ARC", (f) => ({ f })], inPlace: true },
};

/**
 * Milliseconds for each rule; the keys are ratios, of the slowest over all rules that byzfl has. "Ours" is the pool's way, which
 * computes one seed a processor, as in the benchmark of training; one process is timed beside it.
 */
export async function run({ python, repeats, warmUp, say }) {
  const folder = at("build", "bench", "aggregation");
  const ours = [startEngine(), startEngine()];
  const theirs = startPython(await python(), "aggregation");
  const results = {};
  const numbers = {};
  try {
    for (const n of sizes) {
      results[n] = {};
      let drawn = null; // how many of them are malicious
      for (const [name, { f = fifth, ...rule }] of Object.entries(rules)) {
        if (f(n) !== drawn) {
          drawn = f(n);
          for (const worker of ours) await worker.ask("vectors", { folder, n, f: drawn });
          await theirs.ask("vectors", { folder, n });
        }
        const sides = { ...oursOf(ours, name, rule, f(n)), ...theirsOf(theirs, rule, f(n)) };
        await ours[0].ask("aggregate", { folder, ...sides.ours.question });
        const off = rule.draws === true ? {} : await differences(sides, folder, rule.draws === "mean");
        numbers[`${name}, n = ${n}`] = checkNumbers(`aggregation: ${name}`, off, tolerance);
        results[n][name] = {
          f: f(n),
          ...(await compare(sides, { repeats, warmUp })),
          pullBack: await pullBackOf(sides.ours, { repeats, warmUp }),
        };
        const { vsList, vsMatrix, milliseconds, pullBack } = results[n][name];
        const against = vsList ? `, ${ratio(vsList)} lists, ${ratio(vsMatrix)} matrices` : "";
        const back = `, back ${pullBack.median.toFixed(2)} ms`;
        say(`n = ${n}, ${name}: ${milliseconds.oursTwice.median.toFixed(2)} ms${against}${back}`);
      }
    }
  } finally {
    await Promise.all([...ours, theirs].map((worker) => worker.end()));
  }
  const keys = {};
  for (const n of sizes) {
    const shared = Object.values(results[n]).filter(({ list }) => list);
    keys[`slowest_n${n}`] = Math.min(...shared.map(({ vsList }) => vsList.median));
    keys[`slowest_matrix_n${n}`] = Math.min(...shared.map(({ vsMatrix }) => vsMatrix.median));
    for (const name of ["krum", "dnc"]) keys[`${name}_n${n}`] = results[n][name].vsList.median;
  }
  return { keys, details: { results, numbers } };
}

/** One process alone, and both at the same time. */
function oursOf(workers, rule, { options }, f) {
  const question = { rule, options: { f, ...options } };
  return { ours: { workers: workers.slice(0, 1), question }, oursTwice: { workers, question } };
}

/** One side for each kind of input that the rule takes. */
function theirsOf(worker, { theirs: [rule, argumentsOf = () => ({})] = [], inPlace = false }, f) {
  const kinds = rule === undefined ? [] : rule === "DnC" ? ["tensors", "tensor"] : [...lists, ...matrices];
  const question = { rule, arguments: argumentsOf(f), in_place: inPlace };
  return Object.fromEntries(kinds.map((kind) => [kind, { workers: [worker], question: { kind, ...question } }]));
}

/** Milliseconds of a pull-back, which is what an inversion through the rule adds to the aggregate, by one process. */
async function pullBackOf({ workers, question }, repetition) {
  const milliseconds = async (times) => {
    const { seconds } = await together(workers, "pullBacks", { ...question, times });
    return (1000 * seconds) / times;
  };
  const times = Math.max(1, Math.round(measured / (await milliseconds(1))));
  const { pullBack } = await interleave({ pullBack: () => milliseconds(times) }, repetition);
  return summarize(pullBack);
}

async function differences(sides, folder, averaged) {
  const off = {};
  for (const kind of [...lists, ...matrices].filter((kind) => kind in sides)) {
    const { workers, question } = sides[kind];
    const { rule, arguments: given } = question;
    off[kind] = await workers[0].ask("off", { folder, averaged, kind, rule, arguments: given });
  }
  return off;
}

async function compare(sides, repetition) {
  const measures = {};
  for (const [name, { workers, question }] of Object.entries(sides)) {
    const milliseconds = async (times) => {
      const whole = await together(workers, "aggregations", { ...question, times });
      const { seconds = whole.seconds } = whole.answers[0]; // where a part of the time does not count
      return (1000 * seconds) / times / workers.length;
    };
    let times = 1;
    for (let calibration = 0; calibration < 2; calibration++) {
      times = Math.max(1, Math.round(measured / workers.length / (await milliseconds(times))));
    }
    measures[name] = () => milliseconds(times);
  }
  const { ours, oursTwice, ...theirs } = await interleave(measures, repetition);
  const milliseconds = { ours: summarize(ours), oursTwice: summarize(oursTwice) };
  if (Object.keys(theirs).length === 0) return { milliseconds };
  const fastestOf = (kinds) =>
    fastest(Object.fromEntries(Object.entries(theirs).filter(([kind]) => kinds.includes(kind))));
  const [list, matrix] = [lists, matrices].map(fastestOf);
  milliseconds.list = summarize(theirs[list]);
  milliseconds.matrix = summarize(theirs[matrix]);
  const [vsList, vsMatrix] = [list, matrix].map((kind) => speedup(oursTwice, theirs[kind]));
  return { milliseconds, list, vsList, matrix, vsMatrix, aloneVsList: speedup(ours, theirs[list]) };
}

/** The section of README.md. */
export function section({ details: { results } }) {
  const tableOf = (n) => {
    const rows = Object.entries(results[n]).map(([name, { milliseconds, pullBack, list, matrix, ...ratios }]) => [
      `\`${name}\``,
      spread(milliseconds.oursTwice),
      spread(milliseconds.ours),
      spread(pullBack),
      ...(list ? [`${spread(milliseconds.list)} (${list})`, `${spread(milliseconds.matrix)} (${matrix})`] : ["", ""]),
      ...["vsList", "vsMatrix", "aloneVsList"].map((key) => (list ? ratio(ratios[key]) : "")),
    ]);
    const head = [
      "rule",
      "two processes",
      "one process",
      "pull-back, one process",
      "byzfl, n vectors",
      "byzfl, a matrix",
      "two × n vectors",
      "two × a matrix",
      "one × n vectors",
    ];
    return `n = ${n}:\n\n${inTable(head, rows)}`;
  };
  return [
    "Milliseconds for a round of n updates of d = 61,706 numbers (LeNet-5), a fifth of them malicious; two of 10 and one of 100 for the " +
      "rules that try all subsets, one of 10 for Bulyan. The library takes the updates as they arrive, n vectors, refuses what is not " +
      "finite, and sums in double precision. Two single-threaded processes aggregate a round each, as two seeds of a study do in the " +
      "library's pool, and the time is divided by two; one process has nothing to do with its second processor. byzfl runs with " +
      "PyTorch's default threads, in float32. It gets the same n vectors, " +
      "which it makes a matrix of, or, where somebody has that already, the matrix; either way as PyTorch's tensors or NumPy's arrays, whichever " +
      "is faster. Its `Clipping` and `ARC` write on a matrix, and get a copy that does not count. On both sides a quarter as many calls go before those that count: what they hold by then they use again. What a rule or a pre-aggregation made is given back when it is read, as the federated loop does, so the next is written on it; byzfl frees its own at the same point. It has no DnC: that is the authors' " +
      "algorithm in PyTorch. The keys are of two processes, and of n vectors.",
    ...sizes.map(tableOf),
    "Results differ by at most 1e-5, relative to their length. `CAF` and `SMEA` of byzfl take one step of power iteration from a " +
      "random start, where the library has the exact eigenvector: what they choose is up to chance, and is not compared. Of `Bucketing`, which " +
      "draws, the mean of the buckets is compared. What has no ratio byzfl does not have. The pull-back is what an inversion through the rule " +
      "adds to the aggregate in every step; it begins with a choice as the aggregate's, and both grow with n as the rule does.",
  ].join("\n\n");
}
