/**
 * @file What the attackers are measured on: Fashion-MNIST, M = 10, B = 1, tanh and average pooling unless said.
 *
 * A problem: name; federation, what differs from commonPlan's; attacker, what differs from attackers.strongest's options (the paper's
 * attacker is as it is); rounds, of the fixed probe, or of the run's own batches where `own`; others, which are measured and not
 * compared; nothing is compared where rounds is empty; goals, each one number of the strongest attacker's leaks.
 *
 * A goal: what (see `measures`), round (all where left out), atMost or atLeast, before: what the attacker of 250 steps comes to.
 */

const clipped = (noiseMultiplier) => ({
  privacy: "localDp",
  privacyParameters: { clipNorm: 1, noiseMultiplier, delta: 1e-5 },
});
const guarded = (aggregator) => ({ aggregator, assumedMalicious: 1 });
const through = { through: "protocol" };
const selecting = (name, aggregator) => ({
  name,
  federation: guarded(aggregator),
  attacker: through,
  rounds: [0, 9],
  goals: [{ what: "above the mean's", atMost: 0.01, before: ".05" }],
});
const twoPeers = { numClients: 3, partition: "dirichlet", alpha: 0.5 };
const unrolled = { unroll: true, labels: "given" }; // in the order of clients and steps, which no gradient tells

/** Settings of 05 and 06, in which nobody shall be further off than a guess. */
const rational = (name, federation) => ({
  name,
  federation,
  attacker: through,
  rounds: [],
  others: [0, 19],
  goals: [{ what: "above the guess", atMost: 0.01 }],
});
const noisy = (privacy, noiseMultiplier, more = {}) => ({
  privacy,
  privacyParameters: { clipNorm: 1, noiseMultiplier, delta: 1e-5, ...more },
});
const flipped = { poisoning: "signFlip", poisoningParameters: { scale: 1 } }; // as in 06
const rational05 = [
  ...[0.001, 0.01, 0.03, 0.1, 1, 3].map((sigma) => rational(`local-dp-${sigma}`, noisy("localDp", sigma))),
  ...[0.03, 3].map((sigma) => rational(`dp-sgd-${sigma}`, noisy("dpSgd", sigma))),
  rational("clip-3-0.03", noisy("localDp", 0.03, { clipNorm: 3 })),
];
const rational06 = [
  "krum",
  "median",
  "dnc",
  "freqFed",
  "multiKrum",
  "trimmedMean",
  "geometricMedian",
  "centeredClipping",
].flatMap((rule) =>
  [0.003, 3].map((sigma) =>
    rational(`${rule}-local-dp-${sigma}`, { ...guarded(rule), ...flipped, ...noisy("localDp", sigma) }),
  ),
);

export const problems = [
  {
    name: "mean",
    federation: {},
    attacker: {},
    rounds: [0, 19, 49],
    others: [9], // what the rules are held against
    goals: [
      { what: "rmse", round: 0, atMost: 0.09, before: ".145" },
      { what: "rmse", round: 19, atMost: 0.09, before: ".189" },
      { what: "rmse", round: 49, atMost: 0.1, before: ".213" },
      { what: "found", atLeast: 0.9 },
      { what: "labels", round: 49, atLeast: 0.95, before: ".83" },
    ],
  },
  {
    name: "one-image",
    federation: { numClients: 2 },
    attacker: {},
    rounds: [49],
    goals: [{ what: "labels", atLeast: 1, before: ".60–.84" }],
  },
  {
    name: "median",
    federation: guarded("median"),
    attacker: through,
    rounds: [0],
    goals: [{ what: "rmse", atMost: 0.13, before: ".35–.46" }],
  },
  {
    name: "clipped",
    federation: clipped(0),
    attacker: through,
    rounds: [0],
    goals: [{ what: "rmse", atMost: 0.11, before: ".31" }],
  },
  {
    name: "weak-noise",
    federation: clipped(0.003),
    attacker: through,
    rounds: [0],
    goals: [{ what: "rmse", atMost: 0.18, before: ".35" }],
  },
  {
    name: "strong-noise",
    federation: clipped(0.3),
    attacker: through,
    rounds: [0],
    goals: [{ what: "above the guess", atMost: 0.01, before: ".2" }],
  },
  selecting("dnc", "dnc"),
  selecting("freqfed", "freqFed"),
  selecting("multi-krum", "multiKrum"),
  {
    name: "relu-max",
    federation: { activation: "relu", pooling: "max" },
    attacker: {},
    rounds: [0],
    goals: [
      { what: "above the guess", atMost: 0, before: ".035" },
      { what: "loss", atMost: 1e-2, before: "9e-2" },
    ],
  },
  {
    name: "local-steps-5",
    federation: { ...twoPeers, localSteps: 5 },
    attacker: unrolled,
    rounds: [0],
    own: true,
    goals: [{ what: "rmse", atMost: 0.1, before: ".16" }],
  },
  {
    name: "local-steps-20",
    federation: { ...twoPeers, localSteps: 20 },
    attacker: unrolled,
    rounds: [0],
    own: true,
    goals: [{ what: "found", atLeast: 0.9 }],
  },
  ...rational05,
  ...rational06,
];

/**
 * The problems of those names, all where there is none; with what they are compared with.
 * @throws Error naming the problems there are
 */
export function chooseProblems(only = []) {
  const unknown = only.find((name) => !problems.some((problem) => problem.name === name));
  if (unknown !== undefined)
    throw new Error(
      `attack: no problem is called ${unknown}. There are ${problems.map(({ name }) => name).join(", ")}.`,
    );
  const chosen = only.length === 0 ? problems : problems.filter(({ name }) => only.includes(name));
  const compared = chosen.some(({ goals }) => goals.some(({ what }) => what === "above the mean's"));
  const [mean] = problems;
  return compared && !chosen.includes(mean) ? [mean, ...chosen] : chosen;
}

/**
 * A plan of measureLeakage.
 * @param base as commonPlan gives it, of which the federation is read
 * @param attacker its options
 */
export function planOf({ federation, rounds, others = [], own = false }, base, attacker, seeds) {
  const all = [...rounds, ...others].sort((a, b) => a - b);
  return {
    federation: { ...base.federation, rounds: Math.max(...all) + 1, ...federation },
    attacker,
    seeds,
    probeBatchSize: 1,
    probeRounds: own ? [] : all,
    trajectoryRounds: own ? all : [],
  };
}

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** What is read off an attacker's leaks; `reference` are those of the same seeds and rounds under the mean. Of contributors' images. */
export const measures = {
  rmse: (leaks) => mean(leaks.map(rmseOf)),
  found: (leaks) => mean(leaks.map(({ found }) => Number(found))),
  labels: (leaks) => mean(leaks.map(({ labelAccuracy }) => labelAccuracy)),
  loss: (leaks) => mean(leaks.map(({ matchingLoss }) => matchingLoss)),
  "above the guess": (leaks) => mean(leaks.map((leak) => rmseOf(leak) - guessOf(leak))),
  "above the mean's": (leaks, reference) => mean(leaks.map((leak, i) => aboveReference(leak, reference[i]))),
};

/** Of the images that are in the aggregate: all under the mean. Where there is none, of all. */
export const rmseOf = ({ contributorRmse, rmse }) => contributorRmse ?? rmse;

/** The RMSE of the best guess without a gradient, on the same images. */
export function guessOf({ perImageFloor, contributed }) {
  const inside = perImageFloor.filter((_, i) => contributed[i]);
  return mean(inside.length > 0 ? inside : perImageFloor);
}

/** How far contributors' images are above the same images under the mean. */
function aboveReference({ round, perImage, contributed, labels }, reference) {
  const alike = reference?.round === round && String(reference.labels) === String(labels);
  if (!alike) throw new Error(`attack: needs the mean's leak of the same images in round ${round}, got another's`);
  const differences = perImage.map((value, i) => value - reference.perImage[i]);
  const inside = differences.filter((_, i) => contributed[i]);
  return mean(inside.length > 0 ? inside : differences);
}

/**
 * A problem's goals, each with the number reached.
 * @param leaks of the strongest attacker, one per seed and round
 * @param reference those of the mean; read for "above the mean's"
 * @returns [{ what, round, atMost, wanted, before, value, reached }]
 */
export function goalsOf({ goals }, leaks, reference = []) {
  return goals.map(({ what, round, atMost, atLeast, before = "–" }) => {
    const chosen = round === undefined ? leaks : leaks.filter((leak) => leak.round === round);
    const partner = chosen.map((leak) =>
      reference.find((other) => other.seed === leak.seed && other.round === leak.round),
    );
    const value = measures[what](chosen, partner);
    const wanted = atMost === undefined ? `≥ ${atLeast}` : `≤ ${atMost}`;
    return {
      what,
      round,
      atMost,
      wanted,
      before,
      value,
      reached: atMost === undefined ? value >= atLeast : value <= atMost,
    };
  });
}
