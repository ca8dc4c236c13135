/** @file How long a step of a reconstruction takes: this library against PyTorch. */
import { at } from "../scripts/steps/common.mjs";
import { checkNumbers } from "./harness/numbers.mjs";
import { startEngine, startPython, together } from "./harness/processes.mjs";
import { inTable, ratio, spread } from "./harness/report.mjs";
import { fastest, interleave, median, speedup, summarize } from "./harness/statistics.mjs";

export const title = "Inversion against PyTorch";
export const goals = { b1_vs_sequential: 5, b10_vs_sequential: 2, b1_vs_best: 1.5, b10_vs_best: 1.1 };

const objective = "cosine"; // the library's default, and breaching's
const models = {
  "tanh, average pooling": { activation: "tanh", pooling: "average" },
  "ReLU, max pooling": { activation: "relu", pooling: "max" },
};
/** Per batch size B: views in one stacked computation, reconstructions one after the other, and the two step counts. */
const sizes = [
  { batchSize: 1, views: 32, inARow: 8, steps: [2, 42] },
  { batchSize: 10, views: 32, inARow: 4, steps: [2, 12] },
  { batchSize: 100, views: 4, inARow: 2, steps: [1, 5] },
];
const STACKED = 32; // reconstructions of PyTorch's vmap
const sides = {
  ours: "this library, two processes",
  sequential: "PyTorch, double backward, one at a time",
  vmap: `PyTorch, vmap over ${STACKED}`,
  processes: "PyTorch, double backward, two processes",
};
/** Largest relative differences in float32; after some steps of Adam a ReLU may be on the other side of its kink. */
const tolerance = { target: 1e-5, before: 1e-5, imagesGradient: 1e-5, first: 1e-5, after: 1e-3 };

/** Milliseconds per reconstruction and step; keys "b1_vs_sequential" and so on are for tanh and average pooling. */
export async function run({ python, repeats, warmUp, say }) {
  const results = {};
  for (const [name, model] of Object.entries(models)) {
    results[name] = {};
    for (const size of sizes) {
      const label = `${name}, B = ${size.batchSize}`;
      results[name][size.batchSize] = await compare(await python(), model, size, {
        repeats,
        warmUp,
        onRound: (done, total) => say(`${label}, round ${done}/${total}`),
      });
    }
  }
  const [main] = Object.values(results);
  const keys = {};
  for (const batchSize of [1, 10]) keys[`b${batchSize}_vs_sequential`] = main[batchSize].vsSequential.median;
  for (const batchSize of [1, 10, 100]) keys[`b${batchSize}_vs_best`] = main[batchSize].vsBest.median;
  return { keys, details: { objective, steps: Object.fromEntries(sizes.map((s) => [s.batchSize, s.steps])), results } };
}

async function compare(python, model, { batchSize, views, inARow, steps }, rounds) {
  const folder = at("build", "bench", "inversion");
  const count = Math.max(2 * views, STACKED);
  const engines = [startEngine(), startEngine()];
  const wide = startPython(python, "pytorch");
  const narrow = [1, 1].map((threads) => startPython(python, "pytorch", { threads }));
  const workers = [...engines, wide, ...narrow];
  try {
    await engines[0].ask("problem", { folder, count, batchSize, ...model });
    const take = (worker, start, end) => worker.ask("views", { folder, count, start, end, batchSize, ...model });
    const common = { folder, objective };
    for (const [i, engine] of engines.entries()) await take(engine, i * views, (i + 1) * views);
    await take(wide, 0, STACKED);
    for (const [i, worker] of narrow.entries()) await take(worker, i * inARow, (i + 1) * inARow);
    const numbers = await checkInversion(engines[0], wide, common);

    /** Milliseconds per reconstruction and step: what the first steps[0] steps and the start cost is subtracted. */
    const perStep = (reconstructions, measure) => async () => {
      const few = await measure(steps[0]);
      const many = await measure(steps[1]);
      const milliseconds = (1000 * (many.seconds - few.seconds)) / (steps[1] - steps[0]) / reconstructions;
      return { milliseconds, overlap: many.overlap };
    };
    const side = (own, op, details) => (stepCount) => together(own, op, { objective, steps: stepCount, ...details });
    const measured = await interleave(
      {
        ours: perStep(2 * views, side(engines, "invert")),
        sequential: perStep(inARow, side([wide], "one by one", { count: inARow })),
        vmap: perStep(STACKED, side([wide], "stacked")),
        processes: perStep(2 * inARow, side(narrow, "one by one", { count: inARow })),
      },
      rounds,
    );
    const times = Object.fromEntries(
      Object.entries(measured).map(([name, all]) => [name, all.map(({ milliseconds }) => milliseconds)]),
    );
    const { ours, sequential, ...theirs } = times;
    const best = fastest({ sequential, ...theirs });
    return {
      views,
      milliseconds: Object.fromEntries(Object.entries(times).map(([name, all]) => [name, summarize(all)])),
      vsSequential: speedup(ours, sequential),
      vsBest: speedup(ours, times[best]),
      best,
      // Two processes that do not run at the same time would each have the machine for itself.
      overlap: Object.fromEntries(
        ["ours", "processes"].map((name) => [name, median(measured[name].map((m) => m.overlap))]),
      ),
      numbers,
    };
  } finally {
    await Promise.all(workers.map((worker) => worker.end()));
  }
}

/** Both of PyTorch's ways find the numbers that the library finds. */
async function checkInversion(engine, pytorch, common) {
  const question = { ...common, checked: 2, steps: 4 };
  const own = await engine.ask("numbers", question);
  const off = {};
  for (const mode of ["one by one", "stacked"]) {
    const { before, after, target, imagesGradient } = await pytorch.ask("numbers", { ...question, mode });
    const relative = (values, expected) => values.map((value, i) => Math.abs(value / expected[i] - 1));
    off[mode] = {
      target,
      before: relative(own.before, before),
      imagesGradient,
      first: relative(own.first, before), // invert starts where both sides were told to
      after: relative(own.after, after),
    };
  }
  return checkNumbers("inversion", off, tolerance);
}

/** The section of README.md. */
export function section({ details: { results } }) {
  const parts = Object.entries(results).map(([name, bySize]) => {
    const rows = Object.entries(bySize).map(([batchSize, found]) => [
      batchSize,
      ...Object.keys(sides).map((side) => spread(found.milliseconds[side])),
      ratio(found.vsSequential),
      `${ratio(found.vsBest)} (${found.best})`,
    ]);
    return `LeNet-5, ${name}:\n\n` + inTable(["B", ...Object.values(sides), "× one at a time", "× best"], rows);
  });
  return [
    "Milliseconds per reconstruction and step: pixel prior, cosine distance, Adam. The library's `invert` runs in two single-threaded " +
      `processes side by side, as in its pool, with ${sizes.map((s) => `${s.views} views each for B = ${s.batchSize}`).join(", ")}. ` +
      "PyTorch runs with all threads, except in the two processes, which have one each. Start-up is subtracted (two step counts).",
    ...parts,
  ].join("\n\n");
}
