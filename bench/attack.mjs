/** @file How near the library's attackers come, and how soon: against what was wanted, and against published attacks in PyTorch. */
import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import { join } from "node:path";
import { at, digestFiles } from "../scripts/steps/common.mjs";
import { checkpoints, compareCurves, keysOf, meanCurve, reaches } from "./attack/curves.mjs";
import { chooseProblems, goalsOf, guessOf, measures, planOf, rmseOf } from "./attack/problems.mjs";
import { checkNumbers } from "./harness/numbers.mjs";
import { startEngine, startPython } from "./harness/processes.mjs";
import { digits, inTable, machine } from "./harness/report.mjs";

export const title = "Attackers against published ones";
export const goals = { rmse_vs_best_at_equal_time: { atMost: 1 }, time_vs_best: 3 };
export const spread = "means over seeds";
export const show = true; // the tables on the terminal too: a part is asked for to read them
export const options = ["only", "seeds", "iterations", "force"];

const THREADS = 2; // of either side
const SEEDS = 8;
const SHARES = [1 / 16, 1 / 8, 1 / 4, 1 / 2, 1]; // of the strongest attacker's steps, each a search of its own
const attackerNames = ["strongest", "paper"];
/** Published attacks and the iterations of their publications; breaching's 24,000 are as many as those of the method that it holds. */
const published = {
  DLG: 300,
  "Inverting Gradients, TV 0.1": 4800,
  "Inverting Gradients, TV 1e-4": 4800,
  breaching: 4800,
};
const OURS = "strongest";
const STACKED = "strongest, all views at once";
const PAPER = "paper, 250 steps";
const LOSSES = [1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5, 3e-6, 1e-6]; // at which searches are stopped
const MOST_TIMES = 4; // of the paper's attacker's time, until the RMSE that was wanted
const tolerance = { gradient: 1e-4 }; // of float32, for a mean over some images
const SOURCES = ["attack.py", "lenet.py"].map((file) => at("bench", "workers", file));

/** `only`: names of problems; `seeds`: how many; `iterations`: at most, of the published attacks; `force`: run them although stored. */
export async function run({
  python,
  say,
  quick = false,
  only = [],
  seeds = SEEDS,
  iterations = Infinity,
  force = false,
}) {
  const lib = createRequire(import.meta.url)("curious-inside");
  const base = lib.commonPlan("paper");
  const dataset = await lib.loadDataset(base.federation.dataset);
  const how = {
    seeds: range(quick ? 1 : seeds),
    iterations: quick ? 20 : iterations,
    shares: quick ? [1 / 16] : SHARES,
  };
  const problems = chooseProblems(only);
  const path = await python();
  const engine = startEngine({ name: "attack", threads: THREADS });
  const pytorch = startPython(path, "attack", { threads: THREADS });
  try {
    const { version, reason } = await pytorch.ask("breaching");
    say(version ? `breaching ${version}` : `without breaching: ${reason}`);
    const methods = Object.entries(published).filter(([name]) => name !== "breaching" || version !== undefined);
    const common = { lib, base, dataset, engine, pytorch, say, force, quick, ...how };
    const results = [];
    const [{ name: first }] = problems;
    const byLoss = first === "mean" ? await errorsByLoss(problems[0], common) : []; // elsewhere noise or clipping says when
    for (const problem of problems) {
      const measured = await measure(problem, common);
      const reference = results[0]?.measured.strongest.leaks;
      const reached = goalsOf(problem, measured.strongest.leaks, reference);
      const isCompared = problem.rounds.length > 0;
      const compared = isCompared ? await compare(problem, measured.strongest.leaks, { ...common, methods }) : [];
      results.push({ name: problem.name, measured, goals: reached, compared });
      for (const { leaks } of Object.values(measured)) for (const leak of leaks) dropPictures(leak);
    }
    const cases = results.flatMap(({ compared }) => compared);
    const keys = keysOf(cases.map(({ comparison }) => comparison));
    const together = keysOf(cases.map(({ stacked }) => stacked));
    for (const [key, value] of Object.entries(together)) keys[`${key}_stacked`] = value; // all views at once: for information
    return { keys, details: { seeds: how.seeds, breaching: version ?? `no: ${reason}`, byLoss, results } };
  } finally {
    await Promise.all([engine.end(), pytorch.end()]);
  }
}

const range = (n) => Array.from({ length: n }, (_, i) => i + 1);

/** What was reconstructed is in the library's store, and too much for a result. */
function dropPictures(leak) {
  delete leak.privateImages;
  delete leak.reconstructions;
}

const digestOf = (images) => createHash("sha256").update(images).digest("hex");

/** The attackers as they are, labels inferred: stored by the library, seed by seed. */
async function measure(problem, { lib, base, dataset, seeds, say, quick }) {
  const brief = { steps: 10, autoencoderSteps: 10, labels: "given" };
  const plans = Object.fromEntries(
    attackerNames.map((name) => {
      const change = name === "strongest" ? problem.attacker : {};
      return [name, planOf(problem, base, { ...lib.attackers[name], ...change, ...(quick && brief) }, seeds)];
    }),
  );
  let heard = 0;
  const onProgress = (done, total, note) => {
    if (performance.now() - heard < 30_000) return;
    heard = performance.now();
    say(`${problem.name}: ${Math.round((100 * done) / total)} %, ${note}`);
  };
  const studies = await lib.measureLeakage(plans, dataset, { onProgress });
  const entries = Object.entries(studies).map(([name, { runs, sources }]) => {
    const leaks = runs.flatMap(({ seed, probe, trajectory }) =>
      [...probe, ...trajectory].map((leak) => ({ ...leak, seed, private: digestOf(leak.privateImages) })),
    );
    const seconds = sources.reduce((sum, source) => sum + source.seconds, 0) / sources.length;
    return [name, { leaks, secondsPerSeed: seconds }];
  });
  say(`${problem.name}: measured`);
  return Object.fromEntries(entries);
}

/**
 * What is left of the error where a search has come to a matching loss: which loss is low enough to say that the images were found.
 * @returns [{ goal, loss, rmse }]: the loss at which searches were stopped, and means over their views; labels given
 */
async function errorsByLoss(problem, { lib, base, dataset, seeds, quick }) {
  const attacker = { ...lib.attackers.strongest, ...problem.attacker, labels: "given", restarts: 1 };
  const brief = quick && { steps: 10, autoencoderSteps: 10 };
  const plans = LOSSES.map((goal) => [String(goal), planOf(problem, base, { ...attacker, goal, ...brief }, seeds)]);
  const studies = await lib.measureLeakage(Object.fromEntries(plans), dataset);
  return LOSSES.map((goal) => {
    const leaks = studies[String(goal)].runs.flatMap(({ probe, trajectory }) => [...probe, ...trajectory]);
    return { goal, loss: measures.loss(leaks), rmse: measures.rmse(leaks) };
  });
}

/** All methods on the same broadcasts, labels given: a comparison per round. */
async function compare(problem, leaks, common) {
  const { lib, base, engine, pytorch, seeds, shares, methods, say } = common;
  const folder = at("build", "bench", "attack", problem.name);
  const plan = planOf(problem, base, { ...lib.attackers.strongest, ...problem.attacker }, seeds);
  const { views } = await engine.ask("broadcasts", {
    folder,
    plan,
    rounds: problem.rounds,
    strongest: problem.attacker,
  });
  checkNumbers("attack", { PyTorch: await pytorch.ask("numbers", { views }) }, tolerance);
  const change = problem.attacker;
  const invert = (attacker, share, indices, more = {}) => engine.ask("invert", { indices, attacker, share, ...more });
  await invert("strongest", 2 / lib.attackers.strongest.steps, [0], { change }); // warms up
  const found = [];
  for (const [i, view] of views.entries()) {
    const curves = { [OURS]: [] };
    for (const share of shares) {
      const { seconds, leaks: own } = await invert("strongest", share, [i], { change });
      curves[OURS].push(pointOf(seconds, own[0]));
    }
    checkSame(problem, view, curves[OURS].at(-1), leaks);
    const { seconds, leaks: own } = await invert("paper", shares.at(-1), [i]);
    curves[PAPER] = [pointOf(seconds, own[0])];
    say(`${problem.name}, seed ${view.seed}, round ${view.round}: ${shown(OURS, curves)}`);
    for (const [method, most] of methods) {
      curves[method] = await publishedCurve(method, most, view, i, common);
      say(`${problem.name}, seed ${view.seed}, round ${view.round}: ${shown(method, curves)}`);
    }
    for (const curve of Object.values(curves)) curve.sort((a, b) => a.seconds - b.seconds);
    found.push({ ...view, curves, guess: guessOf(view) });
  }
  const together = [];
  for (const share of shares) {
    const { seconds, leaks: all } = await invert("strongest", share, [...views.keys()], { change });
    together.push(all.map((leak) => pointOf(seconds / views.length, leak)));
  }
  found.forEach(({ curves }, i) => (curves[STACKED] = together.map((points) => points[i])));
  return problem.rounds.map((round) =>
    compareRound(
      problem.name,
      round,
      found.filter((view) => view.round === round),
    ),
  );
}

const pointOf = (seconds, { matchingLoss, truthLoss, found, labelAccuracy, ...leak }) => ({
  ...{ seconds, rmse: rmseOf(leak), loss: matchingLoss, truthLoss, found, labels: labelAccuracy },
});

const shown = (name, curves) => {
  const { rmse, loss, seconds } = curves[name].at(-1);
  return `${name} RMSE ${digits(rmse)}, loss ${loss.toExponential(1)}, ${digits(seconds)} s`;
};

/** Our views are those of measureLeakage: the same private images, with the same loss. */
function checkSame({ name }, view, { truthLoss }, leaks) {
  const leak = leaks.find(({ seed, round }) => seed === view.seed && round === view.round);
  const same = leak.private === view.private && Math.abs(leak.truthLoss - truthLoss) <= 1e-5 + 0.01 * leak.truthLoss;
  if (!same)
    throw new Error(
      `attack: ${name}, seed ${view.seed}, round ${view.round}: needs the view of measureLeakage, got another ` +
        `(loss of the private images ${truthLoss}, there ${leak.truthLoss})`,
    );
}

/** A published attack on a view: computed once per machine, and read from the library's store afterwards. */
async function publishedCurve(method, most, view, index, { lib, dataset, engine, pytorch, iterations, force }) {
  const count = Math.min(most, iterations);
  const at = checkpoints(count);
  const seed = 1000 * view.seed + view.round;
  const { processor, cores } = machine();
  const { folder, digest, ...of } = view;
  const run = {
    kind: "publishedAttack",
    code: "metrics/leak",
    config: {
      method,
      count,
      at,
      seed,
      digest,
      localSteps: of.localSteps,
      processor,
      cores,
      threads: THREADS,
      source: digestFiles(SOURCES),
    },
    datasetHash: dataset.hash,
  };
  const compute = async () => {
    const file = join(folder, "shots.f32");
    const warm = await pytorch.ask("reconstruct", { view, method, iterations: 2, at: [2], seed, file });
    if (warm.seconds.length === 0) throw new Error(`attack: ${method} found nothing`);
    const { seconds, iterations: seen } = await pytorch.ask("reconstruct", {
      view,
      method,
      iterations: count,
      at,
      seed,
      file,
    });
    const { leaks } = await engine.ask("score", { index, file });
    return seconds.map((elapsed, k) => ({ ...pointOf(elapsed, leaks[k]), iteration: seen[k] }));
  };
  return (await lib.computeOnce(run, compute, { force })).value;
}

/** The curves of the views of one round, averaged. */
export function compareRound(name, round, views) {
  const guess = average(views.map((view) => view.guess));
  const names = Object.keys(views[0].curves);
  const curves = Object.fromEntries(
    names.map((method) => [method, meanCurve(views.map((view) => view.curves[method]))]),
  );
  const theirs = Object.fromEntries(Object.entries(curves).filter(([method]) => method in published));
  const methods = names.map((method) => {
    const ends = views.map((view) => view.curves[method].at(-1));
    const final = average(ends.map(({ rmse }) => rmse));
    return {
      method,
      rmse: final,
      loss: average(ends.map(({ loss }) => loss)),
      found: average(ends.map(({ found }) => Number(found))),
      labels: average(ends.map(({ labels }) => labels)),
      seconds: average(ends.map(({ seconds }) => seconds)),
      secondsToFinal: reaches(curves[method], 1.01 * final),
    };
  });
  const comparison = compareCurves(curves[OURS], theirs, guess);
  return {
    name,
    round,
    views: views.length,
    guess,
    methods,
    curves,
    comparison,
    stacked: compareCurves(curves[STACKED], theirs, guess),
  };
}

const average = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

/**
 * For goals on the RMSE, how long the strongest attacker takes until then, on average over views, in times of the paper's attacker.
 * @param result of a problem, of which goals and compared are read
 * @returns [{ round, atMost, seconds, times }]; Infinity where it never gets there
 */
export function timesToGoals({ goals: all, compared }) {
  return all
    .filter(({ what }) => what === "rmse")
    .flatMap(({ round: asked, atMost }) =>
      compared
        .filter(({ round }) => asked === undefined || round === asked)
        .map(({ round, curves, methods }) => {
          const seconds = reaches(curves[OURS], atMost);
          return { round, atMost, seconds, times: seconds / methods.find(({ method }) => method === PAPER).seconds };
        }),
    );
}

/** What the constant of "found" is read off. */
function whenFound(byLoss) {
  const rows = byLoss.map(({ goal, loss, rmse }, i) => [
    ...[goal.toExponential(0), loss.toExponential(1), digits(rmse)],
    i === 0 ? "–" : digits(byLoss[i - 1].rmse - rmse),
  ]);
  return [
    "When is an image found? Searches of the strongest attacker for the mean, labels given, that stop at a matching loss. A search has found images where its loss is at most 1.1 times that of the private ones themselves and 1e-5 more:",
    inTable(["stopped at", "loss", "RMSE", "RMSE of the row above, minus this"], rows),
  ];
}

/** The section of README.md. */
export function section({ details: { seeds, breaching, byLoss, results } }) {
  const share = (value) => `${Math.round(100 * value)} %`;
  const small = (value) => value.toExponential(1);
  const reached = results.flatMap(({ name, goals: all }) =>
    all.map(({ what, round, before, wanted, value, reached: is }) => [
      round === undefined ? name : `${name}, round ${round}`,
      what,
      before,
      wanted,
      is ? `**${digits(value)}**` : digits(value),
    ]),
  );
  const measured = results.flatMap(({ name, measured: byAttacker }) =>
    Object.entries(byAttacker).flatMap(([attacker, { leaks, secondsPerSeed }]) =>
      [...new Set(leaks.map(({ round }) => round))].map((round) => {
        const own = leaks.filter((leak) => leak.round === round);
        const { rmse, loss, found, labels } = measures;
        return [name, round, attacker, digits(rmse(own)), digits(average(own.map(guessOf))), small(loss(own)), share(found(own)), share(labels(own)), digits(secondsPerSeed)]; // prettier-ignore
      }),
    ),
  );
  const soon = results.flatMap((result) =>
    timesToGoals(result).map(({ round, atMost, seconds: until, times }) => [
      ...[result.name, round, digits(atMost), digits(until)],
      times <= MOST_TIMES ? `**${digits(times)}×**` : `${digits(times)}×`,
    ]),
  );
  const cases = results.flatMap(({ compared }) => compared);
  const compared = cases.flatMap(({ name, round, methods }) =>
    methods.map(({ method, rmse, loss, found, labels, seconds, secondsToFinal }) => [
      ...[name, round, method, digits(rmse), small(loss), share(found), share(labels), digits(seconds)],
      digits(secondsToFinal),
    ]),
  );
  const timed = (time) => (time === null ? "– (no nearer than the guess)" : `**${digits(time.ratio)}×** (${digits(time.ours)} of ${digits(time.theirs)} s)`); // prettier-ignore
  const ratios = cases.map(({ name, round, guess, comparison: { best, final, equal, time }, stacked }) => [
    ...[name, round, digits(guess), `${digits(final[best])} (${best})`],
    `**${digits(equal.ratio)}** (${digits(equal.ours)} to ${digits(equal.theirs)} after ${digits(equal.seconds)} s, ${equal.best})`,
    ...[timed(time), timed(stacked.time)],
  ]);
  return [
    `Fashion-MNIST, M = 10, B = 1, LeNet-5 with tanh and average pooling unless the problem says otherwise; ${seeds.length === 1 ? "seed 1" : `seeds ${seeds[0]} to ${seeds.at(-1)}`}. RMSE over the images in the aggregate, matched to the private ones. Problems are in [attack/problems.mjs](attack/problems.mjs).`,
    "What was wanted of the strongest attacker, which infers the labels; what the attacker of 250 steps came to; bold where it is reached:",
    inTable(["problem", "number", "before", "wanted", "reached"], reached),
    ...(byLoss.length > 0 ? whenFound(byLoss) : []),
    "Both attackers as they are. Seconds are those of a seed, with its training and all its rounds:",
    inTable(["problem", "round", "attacker", "RMSE", "guess", "loss", "found", "labels right", "s a seed"], measured),
    "The same broadcasts, labels given to all; one view at a time with two threads on either side, but for the row that inverts all views of a problem at once and divides the time. " +
      "DLG and Inverting Gradients are written from their papers, with the settings of their publications. Where a rule keeps some clients, they are told whom; where clients take local steps, Inverting Gradients unrolls them. " +
      `breaching: ${breaching}, its "invertinggradients" with ${published.breaching} iterations instead of 24,000. The best images so far by their own objectives count, with the seconds until then.`,
    inTable(
      [
        "problem",
        "round",
        "method",
        "RMSE",
        "loss",
        "found",
        "labels right",
        "s per view",
        "s until 1 % from its final RMSE",
      ],
      compared,
    ),
    `Seconds per view until the RMSE that was wanted, and in times of the paper's attacker of 250 steps, bold where it is at most ${MOST_TIMES}:`,
    inTable(["problem", "round", "wanted", "s per view", "× 250 steps"], soon),
    "Ours against the best of the published ones: RMSE at the time at which a method ends, the worst such time (below 1: ours is nearer), and seconds until the final RMSE of the best of them (above 1: ours is faster):",
    inTable(
      [
        "problem",
        "round",
        "guess",
        "best of theirs",
        "RMSE at equal seconds",
        "seconds, one view at a time",
        "seconds, all at once",
      ],
      ratios,
    ),
  ].join("\n\n");
}
