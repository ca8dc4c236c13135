/** @file What several local steps do on the model itself: drift along a run, curvature before it, and what unrolling them costs. */
import { backendReady } from "../core/backend";
import { ensureCount } from "../core/errors";
import type { Batch, Dataset } from "../core/types";
import { joinBatches } from "../data/batch";
import type { FederationConfig } from "../fl/config";
import { drawBatches, firstBroadcast, setUp } from "../fl/federation";
import { stepAgainst, train } from "../fl/train";
import { hessianVectorProduct, lossAndGradient, type Network } from "../model/network";
import type { InvertOptions } from "../reconstruction/inversion";
import { invert } from "../reconstruction/invert";
import { observe, withoutOwnShare } from "../reconstruction/observe";
import { dispersionOf } from "../theory/bound";
import { smoothnessOf } from "../theory/constants";
import { combination, squaredDistance, squaredNorm } from "../theory/vectors";
import { byRound } from "./measure";

/** A round's local steps, all clients together. */
export type LocalStepsRound = {
  /** Of the run. */
  readonly seed: number;
  /** k. */
  readonly round: number;
  /** τ, gradient steps of a client in a round. */
  readonly localSteps: number;
  /** Δ^(k), nats; F* taken as config.optimum. */
  readonly objectiveGap: number;
  /** Of the mean gradient of all batches at w^(k). */
  readonly gradientNorm: number;
  /** ||g^(k)/τ - that mean||, the left side of line (22). */
  readonly drift: number;
  /** V of the clients' mean gradients at w^(k). */
  readonly dispersion: number;
  /** V of what they send, u_m/τ. */
  readonly sentDispersion: number;
  /** B1: the longest gradient of any local step. */
  readonly stepNorm: number;
  /** The longest of the first steps. */
  readonly firstNorm: number;
  /** L: largest ||g(w_t) - g(w^(k))|| / ||w_t - w^(k)|| of a batch; 0 at τ = 1. */
  readonly smoothness: number;
  /** ||u_m|| [M], what a clip norm is held against. */
  readonly sentNorms: readonly number[];
};

const norm = (x: Float32Array): number => Math.sqrt(squaredNorm(x));

/** A setting and where along its run to look at its local steps. */
export interface LocalStepsPlan {
  /** The setting; its localSteps are τ, its seed is replaced by each of `seeds`. */
  readonly federation: FederationConfig;
  /** One run per seed; integers, each once. */
  readonly seeds: readonly number[];
  /** At whose broadcasts to look, each in 0..K-1. */
  readonly rounds: readonly number[];
}

/**
 * Measures a plan's seed; see followLocalSteps.
 *
 * @param plan its federation carries the seed
 * @param dataset as loadDataset gives it
 * @returns one entry per round
 * @example
 * (await measureLocalSteps({ federation: config, seeds: [1], rounds: [0] }, dataset)).length; // 1
 */
export async function measureLocalSteps(
  { federation, rounds }: LocalStepsPlan,
  dataset: Dataset,
): Promise<LocalStepsRound[]> {
  const { seed, localSteps, learningRate } = federation;
  const { network } = setUp(federation, dataset);
  const recordOf = byRound(await train(federation, dataset, { keep: (round) => rounds.includes(round) }));
  return rounds.map((round) => {
    const { weights, batches, objectiveGap } = recordOf(round);
    return { seed, round, localSteps, objectiveGap, ...trace(network, weights, batches, learningRate) };
  });
}

/** Takes the round's local steps again and measures drift, curvature and lengths on the way. */
function trace(network: Network, weights: Float32Array, batches: readonly (readonly Batch[])[], learningRate: number) {
  const numClients = batches.length;
  const localSteps = batches[0]!.length;
  const zeros = (): number[][] => batches.map(() => new Array<number>(weights.length).fill(0));
  const [sent, lone] = [zeros(), zeros()]; // u_m/τ, and the same batches at w^(k)
  let local = batches.map(() => weights);
  let [stepNorm, firstNorm, smoothness] = [0, 0, 0];
  for (let t = 0; t < localSteps; t++) {
    const own = batches.map((all) => all[t]!);
    const { gradients } = lossAndGradient(network, local, own);
    const { gradients: still } = lossAndGradient(network, new Array<Float32Array>(numClients).fill(weights), own);
    for (let m = 0; m < numClients; m++) {
      stepNorm = Math.max(stepNorm, norm(gradients[m]!));
      if (t > 0) smoothness = Math.max(smoothness, smoothnessOf([weights, local[m]!], [still[m]!, gradients[m]!]));
      addTo(sent[m]!, gradients[m]!, 1 / localSteps);
      addTo(lone[m]!, still[m]!, 1 / localSteps);
    }
    if (t === 0) firstNorm = stepNorm;
    local = local.map((w, m) => stepAgainst(w, gradients[m]!, learningRate));
  }
  return {
    gradientNorm: Math.sqrt(squaredNorm(combination(lone))),
    drift: Math.sqrt(squaredDistance(combination(sent), combination(lone))),
    dispersion: dispersionOf(lone),
    sentDispersion: dispersionOf(sent),
    stepNorm,
    firstNorm,
    smoothness,
    sentNorms: sent.map((u) => localSteps * Math.sqrt(squaredNorm(u))),
  };
}

function addTo(sum: number[], x: Float32Array, times: number): void {
  for (let i = 0; i < sum.length; i++) sum[i]! += times * x[i]!;
}

const powerSteps = 12;
const curvedClients = 3; // whose first batches are looked at

/**
 * The curvature that the first local steps start from, whatever τ: the largest |eigenvalue| of the Hessians at w^(0) of three clients'
 * first batches, by power iteration, which comes from below.
 *
 * @param config see FederationConfig
 * @param dataset as loadDataset gives it
 * @returns in 1 / length of w squared, as L
 * @throws InputError as setUp
 * @example
 * (await largestCurvature(config, dataset)) > 0; // true; from 2 / that on, gradient descent on such a batch diverges
 */
export async function largestCurvature(config: FederationConfig, dataset: Dataset): Promise<number> {
  await backendReady();
  const federation = setUp(config, dataset);
  const { network } = federation;
  const rng = federation.rng.split("curvature", 0);
  const weights = firstBroadcast(federation);
  const first = drawBatches(federation, dataset, 0)
    .slice(0, curvedClients)
    .map((own) => own[0]!);
  const models = new Array<Float32Array>(first.length).fill(weights);
  const unit = (v: Float32Array): Float32Array => {
    const length = norm(v) || 1;
    return v.map((x) => x / length);
  };
  let vectors = first.map((_, m) => unit(rng.split("start", m).normals(weights.length)));
  let lengths: number[] = [];
  for (let i = 0; i < powerSteps; i++) {
    const products = hessianVectorProduct(network, models, first, vectors);
    lengths = products.map(norm);
    vectors = products.map(unit);
  }
  return Math.max(...lengths);
}

/** What an inversion costs. */
export type InversionCost = {
  /** τ, gradient steps of a client in a round. */
  readonly localSteps: number;
  /** Matched at the broadcast ("mean"), or with local steps unrolled. */
  readonly how: "mean" | "unrolled";
  /** Dummies of the view. */
  readonly images: number;
  /** CPU time of all threads, a reconstruction of so many steps. */
  readonly seconds: number;
};

/**
 * CPU time of a reconstruction from the first round's view, matched at the broadcast and unrolled.
 *
 * @param config of which the first round is played
 * @param dataset as loadDataset gives it
 * @param options as invert takes them; steps: those of a whole reconstruction; measured: steps that are really made, after one more
 *   to warm up
 * @returns both ways
 * @throws InputError as invert
 * @example
 * const costs = await inversionCost({ ...config, localSteps: 2 }, dataset, { prior: { kind: "pixel" }, steps: 10, measured: 1 });
 * costs.map(({ how }) => how); // ["mean", "unrolled"]
 * @source our choice
 */
export async function inversionCost(
  config: FederationConfig,
  dataset: Dataset,
  options: InvertOptions & { readonly steps: number; readonly measured: number },
): Promise<InversionCost[]> {
  const { steps, measured, ...rest } = options;
  ensureCount("inversionCost", "measured", measured);
  const [before, after] = await train({ ...config, rounds: 1 }, dataset);
  const view = withoutOwnShare(observe(before!, after!, config, dataset));
  const others = before!.batches.filter((_, client) => client !== config.maliciouslyCuriousClient);
  const labels = [joinBatches(others.flat()).labels];
  const costs: InversionCost[] = [];
  for (const how of ["mean", "unrolled"] as const) {
    const run = (count: number) => invert([view], { ...rest, labels, unroll: how === "unrolled", steps: count });
    await run(1);
    const start = process.cpuUsage();
    await run(measured);
    const { user, system } = process.cpuUsage(start);
    const seconds = ((user + system) / 1e6 / measured) * steps;
    costs.push({ localSteps: config.localSteps, how, images: view.numImages, seconds });
  }
  return costs;
}
