/** @file How long the clients' part of a round takes: this library against a PyTorch loop over clients. */
import { at } from "../scripts/steps/common.mjs";
import { checkNumbers } from "./harness/numbers.mjs";
import { startEngine, startPython, together } from "./harness/processes.mjs";
import { inTable, ratio, spread } from "./harness/report.mjs";
import { fastest, interleave, speedup, summarize } from "./harness/statistics.mjs";

export const title = "Training against PyTorch";
export const goals = { round_vs_loop: 1.5 };

const round = { numClients: 10, localSteps: 5, batchSize: 32, learningRate: 0.05, seed: 1 };
const models = {
  "ReLU, max pooling": { activation: "relu", pooling: "max" }, // the library's default
  "tanh, average pooling": { activation: "tanh", pooling: "average" },
};
const sides = {
  ours: "this library, one process",
  oursTwice: "this library, two processes",
  loop: "PyTorch, loop over clients",
  loopTwice: "PyTorch, two processes",
};
const rounds = 4; // in one measurement; those of two processes are two seeds' rounds at the same time
const tolerance = { updates: 1e-4 }; // largest relative difference, in float32

/**
 * Milliseconds per round of FedAvg; the keys are for ReLU and max pooling, the default. "Ours" is the pool's way, which computes one
 * seed a processor, as in the benchmark of inversion; one process with all threads is timed beside it.
 */
export async function run({ python, repeats, warmUp, say }) {
  const results = {};
  for (const [name, model] of Object.entries(models)) {
    const onRound = (done, total) => say(`${name}, round ${done}/${total}`);
    results[name] = await compare(await python(), model, { repeats, warmUp, onRound });
  }
  const [main] = Object.values(results);
  const keys = { round_vs_loop: main.vsLoop.median, round_vs_best: main.vsBest.median };
  return { keys, details: { round, results } };
}

async function compare(python, model, repetition) {
  const folder = at("build", "bench", "training");
  const ours = [startEngine({ threads: "all" })];
  const oursTwice = [startEngine(), startEngine()];
  const loop = [startPython(python, "pytorch")];
  const loopTwice = [1, 1].map((threads) => startPython(python, "pytorch", { threads }));
  const workers = [...ours, ...oursTwice, ...loop, ...loopTwice];
  try {
    const config = { ...round, ...model };
    await ours[0].ask("federation", { folder, ...config });
    for (const worker of oursTwice) await worker.ask("federation", config);
    const { seed, ...shapes } = config; // PyTorch reads what the seed gave
    for (const worker of [...loop, ...loopTwice]) await worker.ask("federation", { folder, ...shapes });
    const off = { "loop over clients": await loop[0].ask("updates", { folder }) };
    const numbers = checkNumbers("training", off, tolerance);

    const perRound = (own) => async () => {
      const { seconds } = await together(own, "rounds", { rounds });
      return (1000 * seconds) / rounds / own.length;
    };
    const times = await interleave(
      {
        ours: perRound(ours),
        loop: perRound(loop),
        oursTwice: perRound(oursTwice),
        loopTwice: perRound(loopTwice),
      },
      repetition,
    );
    const best = {
      ours: fastest({ ours: times.ours, oursTwice: times.oursTwice }),
      theirs: fastest({ loop: times.loop, loopTwice: times.loopTwice }),
    };
    return {
      seed,
      milliseconds: Object.fromEntries(Object.entries(times).map(([name, all]) => [name, summarize(all)])),
      vsLoop: speedup(times.oursTwice, times.loop),
      aloneVsLoop: speedup(times.ours, times.loop),
      vsBest: speedup(times[best.ours], times[best.theirs]),
      best,
      numbers,
    };
  } finally {
    await Promise.all(workers.map((worker) => worker.end()));
  }
}

/** The section of README.md. */
export function section({ details: { results } }) {
  const { numClients, localSteps, batchSize } = round;
  const rows = Object.entries(results).map(([name, { milliseconds, vsLoop, aloneVsLoop, vsBest, best }]) => [
    name,
    ...Object.keys(sides).map((side) => spread(milliseconds[side])),
    ratio(vsLoop),
    ratio(aloneVsLoop),
    `${ratio(vsBest)} (${sides[best.ours]} / ${sides[best.theirs]})`,
  ]);
  return [
    `Milliseconds per round of FedAvg on LeNet-5: M = ${numClients} clients, τ = ${localSteps} local steps of plain SGD, batches of ` +
      `${batchSize}, from the broadcast weights to all updates. Two single-threaded processes compute a round each, as two seeds of a ` +
      "study do in the library's pool, and the time is divided by two; one process has all threads. The loop over clients is what people " +
      "write, with PyTorch's default threads.",
    inTable(["LeNet-5", ...Object.values(sides), "two processes × loop", "one process × loop", "best × best"], rows),
  ].join("\n\n");
}
