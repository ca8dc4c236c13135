/** @file How time and memory of the library grow with the size of the work. */
import { at } from "../scripts/steps/common.mjs";
import { startEngine, together } from "./harness/processes.mjs";
import { digits, inTable, ratio, spread } from "./harness/report.mjs";
import { growth, interleave, speedup, summarize } from "./harness/statistics.mjs";

export const title = "Scaling";

const model = { activation: "tanh", pooling: "average" };
const objective = "cosine";

/** What a row of a table measures: the time between two numbers of steps or rounds, at x on the axis. */
const inverting = (x, size = {}) => ({
  x,
  op: "invert",
  unit: "steps",
  counts: [2, 12],
  size: { architecture: "lenet5", views: 1, batchSize: 1, ...size },
});
const training = (x, size = {}) => ({
  x,
  op: "rounds",
  unit: "rounds",
  counts: [1, 3],
  size: { architecture: "lenet5", numClients: 10, localSteps: 1, batchSize: 32, ...size },
});

/** One size grows, the rest stays; `why` says what to expect of it. */
const axes = {
  views: {
    heading: "Views S, one image each",
    points: [1, 2, 4, 8, 16, 32, 64].map((views) => inverting(views, { views })),
    why:
      "An operation costs some 30 µs before it computes anything, so the first views are nearly free; then every view brings the same work. " +
      "A bold row is where what a step touches (see peak MB) outgrows a level of the processor's cache.",
  },
  images: {
    heading: "Images B in one view",
    points: [1, 2, 5, 10, 20, 50, 100].map((batchSize) => inverting(batchSize, { batchSize })),
    why: "As with views. Images of one view share its weights, so the products with them are fewer and larger.",
  },
  clients: {
    heading: "Clients M, one local step on 32 images each",
    points: [1, 2, 5, 10, 20, 50].map((numClients) => training(numClients, { numClients })),
    why: "Every client has weights and images of its own: linear, but for the cache. The peak is the price of computing all clients at once.",
  },
  weights: {
    heading: "Weights d, by architecture; eight views of one image",
    points: Object.entries({ softmaxRegression: 7850, lenet5: 61706, mlp: 101770, lenet5Wide: 1663370 }).map(
      ([architecture, weights]) => inverting(weights, { architecture, views: 8 }),
    ),
    why:
      "Time follows the multiplications of a pass, not d: `mlp` has more weights than `lenet5` and a quarter of its multiplications (0.10 " +
      "against 0.42 million), `lenet5Wide` has thirty times as many (12 million). Memory has a part that follows d: weights, target, " +
      "gradient and direction of every view.",
  },
};
const STEEP = 1.1; // an exponent above it is set in bold: faster than linear
const GRAIN = 20; // megabytes below which the allocator decides, not the work

export async function run({ repeats, warmUp, say }) {
  const rounds = { repeats, warmUp };
  const tables = {};
  for (const [axis, { points }] of Object.entries(axes)) {
    say(axis);
    tables[axis] = await alongAxis(points, rounds);
  }
  say("workers");
  const workers = await oneAndTwo(rounds);
  say("memory over steps and rounds");
  const lasting = await memoryOverTime();
  const keys = { two_workers: workers.throughput.median };
  for (const [axis, rows] of Object.entries(tables)) keys[`time_exponent_${axis}`] = overall(rows, "milliseconds");
  for (const [name, { after }] of Object.entries(lasting))
    keys[`tensors_growth_${name}`] = after.tensors - lasting[name].before.tensors;
  return { keys, details: { tables, workers, lasting } };
}

/** Prepares a worker for a point, and tells what it holds before it computes. */
async function prepare(worker, { op, size: { views, ...size } }, start = 0) {
  const config = { ...model, ...size };
  if (op === "invert") {
    const inputs = { folder: at("build", "bench", "scaling"), count: start + views, ...config };
    await worker.ask("problem", inputs);
    await worker.ask("views", { ...inputs, start, end: start + views });
  } else await worker.ask("federation", { learningRate: 0.05, seed: 1, ...config });
  return worker.ask("memory", { reset: true });
}

/** Milliseconds per step (of all views) or round (of all clients). */
const perStep =
  (workers, { op, unit, counts: [few, many] }) =>
  async () => {
    const short = await together(workers, op, { objective, [unit]: few });
    const long = await together(workers, op, { objective, [unit]: many });
    return (1000 * (long.seconds - short.seconds)) / (many - few);
  };

/** Every point has a process of its own, so its peak is its own; the points take turns. */
async function alongAxis(points, rounds) {
  const own = points.map(() => startEngine());
  try {
    const idle = [];
    for (const [i, worker] of own.entries()) idle.push(await prepare(worker, points[i]));
    const sides = points.map((point, i) => [i, perStep([own[i]], point)]);
    const times = await interleave(Object.fromEntries(sides), rounds);
    const rows = [];
    for (const [i, point] of points.entries()) {
      const { peak } = await own[i].ask("memory");
      const milliseconds = summarize(times[i]);
      rows.push({ x: point.x, name: point.size.architecture, milliseconds, megabytes: peak - idle[i].resident });
    }
    return rows;
  } finally {
    await Promise.all(own.map((worker) => worker.end()));
  }
}

/** The same views per process in one process, and in two at the same time. */
async function oneAndTwo(rounds) {
  const views = 32;
  const point = inverting(views, { views });
  const own = [startEngine(), startEngine()];
  try {
    for (const [i, worker] of own.entries()) await prepare(worker, point, i * views);
    const times = await interleave({ one: perStep(own.slice(0, 1), point), two: perStep(own, point) }, rounds);
    const perView = { one: times.one.map((t) => t / views), two: times.two.map((t) => t / views / 2) };
    return {
      views,
      milliseconds: { one: summarize(perView.one), two: summarize(perView.two) },
      throughput: speedup(perView.two, perView.one),
    };
  } finally {
    await Promise.all(own.map((worker) => worker.end()));
  }
}

/** What a process holds after k steps, and after ten times as many more. */
async function memoryOverTime() {
  const runs = {
    steps: { ...inverting(null, { views: 8, batchSize: 10 }), few: 30 },
    rounds: { ...training(null), op: "descend", few: 30 },
    records: { ...training(null, { batchSize: 1 }), op: "records", few: 10 },
  };
  const found = {};
  for (const [name, { few, ...point }] of Object.entries(runs)) {
    const { op, unit } = point;
    const worker = startEngine();
    try {
      await prepare(worker, point);
      await worker.ask(op, { objective, [unit]: few });
      const before = await worker.ask("memory");
      await worker.ask(op, { objective, [unit]: 10 * few });
      found[name] = { unit, few, before, after: await worker.ask("memory") };
    } finally {
      await worker.end();
    }
  }
  return found;
}

const valueOf = (row, quantity) => (quantity === "milliseconds" ? row.milliseconds.median : row.megabytes);
const between = (a, b, quantity) => growth([a.x, valueOf(a, quantity)], [b.x, valueOf(b, quantity)]);
const overall = (rows, quantity) => between(rows[0], rows.at(-1), quantity);

/** The exponent from the row above to this one, bold where cost grows faster than linear. */
const exponent = (rows, i, quantity) => {
  if (i === 0) return "";
  if (quantity === "megabytes" && Math.min(rows[i - 1].megabytes, rows[i].megabytes) < GRAIN) return "–";
  const value = between(rows[i - 1], rows[i], quantity);
  if (!Number.isFinite(value)) return "–";
  return value > STEEP ? `**${value.toFixed(2)}**` : value.toFixed(2);
};

/** The section of README.md. */
export function section({ details: { tables, workers, lasting } }) {
  const parts = Object.entries(axes).map(([axis, { heading, why }]) => {
    const rows = tables[axis].map((row, i) => [
      axis === "weights" ? `${row.x} (${row.name})` : row.x,
      spread(row.milliseconds),
      exponent(tables[axis], i, "milliseconds"),
      Math.round(row.megabytes),
      exponent(tables[axis], i, "megabytes"),
    ]);
    const unit = axis === "clients" ? "ms a round" : "ms a step";
    return [`### ${heading}`, inTable(["", unit, "growth", "peak MB", "growth"], rows), why].join("\n\n");
  });
  const { one, two } = workers.milliseconds;
  const held = Object.entries(lasting).map(([name, { unit, few, before, after }]) => [
    {
      steps: "inversion, S = 8, B = 10",
      rounds: "rounds, M = 10, B = 32",
      records: "`train`, M = 10, B = 1, its records kept",
    }[name],
    `${few} → ${10 * few} ${unit}`,
    `${Math.round(before.resident)} → ${Math.round(after.resident)}`,
    `${before.tensors} → ${after.tensors}`,
    `${digits(before.tensorMegabytes)} → ${digits(after.tensorMegabytes)}`,
  ]);
  return [
    "One single-threaded process per row. Growth is the exponent from the row above: 1 is linear, **bold** is faster than linear. Peak MB " +
      "is what the process needed on top of the loaded library and the inputs.",
    ...parts,
    "### Workers",
    inTable(
      ["processes", "ms per reconstruction and step", "throughput"],
      [
        [1, spread(one), ""],
        [2, spread(two), ratio(workers.throughput)],
      ],
    ),
    "What is missing to twice is shared: the bandwidth of the memory and, on many machines, the clock rate and the last cache.",
    "### Memory over steps and rounds",
    inTable(["", "done", "resident MB", "tensors", "tensor MB"], held),
    "Steps and rounds leave nothing behind. What `train` returns grows with its rounds, by what a record holds: two vectors of d numbers " +
      "and the batches, 0.5 MB a round here.",
  ].join("\n\n");
}
