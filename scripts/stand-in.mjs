/** @file Numbers in place of training and inversion, so a notebook runs to its end in no time: they depend on the run alone. */
import { createHash } from "node:crypto";

/** Numbers in 0..1 that follow from a text. */
function numbersOf(text) {
  const bytes = createHash("sha256").update(text).digest();
  return (i) => bytes.readUInt32LE(4 * (i % 8)) / 2 ** 32;
}

/** Labels of what is asked for besides plans of settings. */
export const standIns = ["analytic leak", "local steps", "masking", "inversion", "train", "checkTheory"];

const pixels = 28 * 28;
const source = { status: "computed", seconds: 1, computedAt: "2026-01-01T00:00:00Z", libraryHash: "0000000" };

/**
 * Puts the numbers in the library's place, and lists what is asked for as [label, plan] in `measured`.
 *
 * @param load gives a module of the library by its path
 */
export function standIn(load, measured) {
  const { essenceOf } = load("experiment/settings");
  const { checkPlan } = load("experiment/leakagePlan");
  const checkOf = (kind) => load(`experiment/${kind}Kind`)[`${kind}Kind`].check;
  const streamOf = (federation, ...where) => numbersOf(JSON.stringify([essenceOf(federation), ...where]));
  const clientsOf = ({ numClients }) => [...Array(numClients).keys()];
  const keptBy = ({ numClients, aggregator }) =>
    aggregator === "median" ? [] : aggregator === "krum" ? [0, 1] : clientsOf({ numClients });

  /** A study as measureLeakage would give it, of numbers that two runs share only if they are one. */
  function leakagesOf({ federation, seeds, probeRounds, trajectoryRounds, attacker }) {
    const { numClients, rounds, poisoning, localSteps, batchSize } = federation;
    const kept = keptBy(federation);
    const runOf = (seed) => {
      const random = (...where) => streamOf({ ...federation, seed: 0 }, attacker, seed, ...where);
      const leakOf = (images) => (round) => {
        const value = random("leak", round);
        const perImage = Array.from({ length: (numClients - 1) * images }, (_, i) => 0.1 + value(i) / 5);
        const rmse = perImage.reduce((sum, one) => sum + one / perImage.length, 0);
        const contributed = perImage.map((_, i) => kept.length === 0 || kept.includes(1 + Math.floor(i / images)));
        const floors = { floor: 0.25, perImageFloor: perImage.map(() => 0.25) };
        const scores = { rmse, leakage: 1 - rmse / 0.25, contributorRmse: perImage[0], contributorLeakage: 0.5 };
        const blank = new Float32Array(perImage.length * pixels);
        const shown = { privateImages: blank, reconstructions: blank, labels: perImage.map(() => 0) };
        const rest = { effectiveParticipants: kept.length || 5, matchingLoss: value(7), found: true, labelAccuracy: 1 };
        return { round, perImage, contributed, ...floors, ...scores, ...shown, ...rest };
      };
      const roundOf = (_, round) => {
        const value = random("round", round);
        const numbers = { loss: 1 + value(0), objectiveGap: 1 + value(0), accuracy: value(1) };
        const attackSuccess = poisoning === "backdoor" ? value(2) : null;
        const effectiveParticipants = round === rounds ? 0 : kept.length || 5;
        return { round, ...numbers, attackSuccess, kept, effectiveParticipants, dropped: [], skipped: null };
      };
      return {
        seed,
        rounds: Array.from({ length: rounds + 1 }, roundOf),
        probe: probeRounds.map(leakOf(1)),
        trajectory: trajectoryRounds.map(leakOf(localSteps * batchSize)),
      };
    };
    return { runs: seeds.map(runOf), sources: seeds.map(() => source) };
  }

  /** A study as measureGradients would give it. */
  function gradientsOf({ federation, seeds, rounds, attacker }) {
    const kept = keptBy(federation);
    const roundOf = (seed) => (round) => {
      const value = streamOf({ ...federation, seed }, "gradients", round);
      const peers = clientsOf(federation).slice(1).map((client) => ({
        contributed: kept.length === 0 || kept.includes(client),
        gradientDistance: 1 + value(client),
        rmse: 0.1 + value(client) / 10,
        image: new Float32Array(pixels).fill(value(client)),
      })); // prettier-ignore
      const noise = { samplingVariance: 1 + value(1), largestVariance: 2 + value(2), heterogeneity: value(3) };
      const losses = { loss: 4 / (2 + round) + value(4) / 100, lossAfter: 4 / (3 + round) };
      const norms = { gradientNorm: 1 + value(6), smoothness: 1 + value(7), aggregateError: 1 + value(0) };
      return {
        round,
        ...losses,
        ...norms,
        effectiveParticipants: kept.length || 5,
        noise,
        peers: attacker ? peers : [],
      };
    };
    const runs = seeds.map((seed) => ({ seed, rounds: rounds.map(roundOf(seed)) }));
    return { runs, sources: seeds.map(() => source) };
  }

  const each = (list, check, studyOf) => async (plans) => {
    for (const plan of Object.values(plans)) check(plan);
    list.push(...Object.entries(plans));
    return Object.fromEntries(Object.entries(plans).map(([name, plan]) => [name, studyOf(plan)]));
  };
  const one = (label, kind, entriesOf) => async (federation, _, plan) => {
    const whole = { federation, ...(Array.isArray(plan) ? { seeds: plan } : plan) };
    checkOf(kind)(whole);
    measured.push([label, whole]);
    return whole.seeds.flatMap((seed) => entriesOf(whole, seed));
  };
  const counted = (module, name, plan) => {
    const real = load(module)[name];
    load(module)[name] = (...given) => {
      measured.push([name, plan(...given)]);
      return real(...given);
    };
  };

  Object.assign(load("experiment/studies"), {
    measureLeakage: each(measured, checkPlan, leakagesOf),
    measureGradients: each(measured, checkOf("gradient"), gradientsOf),
    followAnalyticLeak: one("analytic leak", "analyticLeak", ({ federation, rounds, peers }, seed) =>
      rounds.flatMap((round) =>
        peers.map((effectiveParticipants) => {
          const value = streamOf({ ...federation, seed }, round, effectiveParticipants);
          const errors = { rmse: 0.1 + value(0) / 5, bound: 1 + value(1), dispersion: value(2) };
          const rest = { objectiveGap: 1 + value(3), relativeDispersion: 1 + value(4) };
          return { seed, round, effectiveParticipants, ...errors, ...rest };
        }),
      ),
    ),
    followLocalSteps: one("local steps", "localSteps", ({ federation, rounds }, seed) =>
      rounds.map((round) => {
        const value = streamOf({ ...federation, seed }, round);
        const norms = { gradientNorm: 1 + value(0), drift: value(1) / 100, stepNorm: 2 + value(2), firstNorm: 1 };
        const spreads = { dispersion: 1 + value(3), sentDispersion: 1 + value(4), smoothness: 1 + value(5) };
        const sentNorms = clientsOf(federation).map((client) => 1 + value(client));
        return { seed, round, localSteps: federation.localSteps, objectiveGap: 1, ...norms, ...spreads, sentNorms };
      }),
    ),
    compareMasking: one("masking", "masking", ({ federation }, seed) => {
      const value = streamOf({ ...federation, seed });
      return [{ seed, gradientDifference: value(0) / 1e7, plainCorrelation: 1, maskedCorrelation: value(1) / 100 }];
    }),
  });
  Object.assign(load("experiment/localSteps"), {
    largestCurvature: async (federation) => 10 + streamOf(federation)(0),
    inversionCost: async ({ localSteps }) =>
      ["mean", "unrolled"].map((how, i) => ({ localSteps, how, images: 1, seconds: localSteps * (1 + i) })),
  });
  load("model/autoencoder").trainAutoencoders = async (images) =>
    images.map(() => ({ meanImage: new Float32Array(pixels).fill(0.5) }));
  load("reconstruction/invert").invert = async (views, { onStep, steps = 1 }) => {
    measured.push(["inversion", {}]);
    onStep?.(steps, steps, 0.1);
    return views.map(({ round, numImages }) => ({
      ...{ round, images: new Float32Array(numImages * pixels).fill(0.3), labels: new Int32Array(numImages) },
      ...{ matchingLoss: 0.1, trace: [{ step: steps, matchingLoss: 0.1 }] },
    }));
  };
  counted("fl/train", "train", (federation) => ({ federation }));
  counted("theory/check", "checkTheory", () => ({}));
}
