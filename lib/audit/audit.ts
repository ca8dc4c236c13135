/** @file An audit: from what a client recorded to what it could have seen of its peers. */
import { performance } from "node:perf_hooks";
import { InputError } from "../core/errors";
import { createRng } from "../core/rng";
import type { Batch } from "../core/types";
import { scoreLeak, type Leak } from "../metrics/leak";
import { trainAutoencoders, type Autoencoder } from "../model/autoencoder";
import { volume } from "../model/stack";
import { attack, searchOptionsOf, type Attacked } from "../reconstruction/attack";
import { bounds, type Bounds } from "../reconstruction/bounds";
import { priorFor } from "../reconstruction/decoder";
import type { InvertOptions, Reconstruction } from "../reconstruction/inversion";
import { invert, matchingLosses } from "../reconstruction/invert";
import { countedNoise, noiseSeen } from "../reconstruction/noise";
import type { PriorName } from "../reconstruction/priors";
import { showsNothing } from "../reconstruction/selection";
import { imagesPerClient } from "../reconstruction/view";
import { countClients, type CountedClients } from "./countClients";
import { labelFloor } from "./labelFloor";
import { many } from "./many";
import { matchBound } from "./precision";
import { readRecording, type Recording } from "./recording";
import { checkOwn } from "./selfCheck";
import type { AuditSpec } from "./spec";
import { checkCount, stockOf, viewsOf, type Seat, type Seen } from "./views";

/** How well a prior matched a round. */
export interface PriorTried {
  /** Its name. */
  readonly prior: PriorName;
  /** Of its best start. */
  readonly matchingLoss: number;
  /** Against the truth, if that is known. */
  readonly rmse: number | null;
}

/** What came out of a round. */
export interface AuditedRound {
  /** From 0 on. */
  readonly round: number;
  /** Its two broadcasts. */
  readonly files: readonly [string, string];
  /** Whose images were looked for. */
  readonly seat: Seat;
  /** Relative error of the own update against the own batch; null where one is missing. */
  readonly selfCheck: number | null;
  /** Every prior that was tried: the attacker's first unless another matches three times better, the others by their match. */
  readonly priors: readonly PriorTried[];
  /** Of the best match. */
  readonly matchingLoss: number;
  /** Of the private images themselves; null without truth. */
  readonly trueMatchingLoss: number | null;
  /** A matching loss below which there is no more to find: of the truth, or of rounding; null under noise, which any images match. */
  readonly bound: number | null;
  /** Whether the match is as good as that; null where it cannot be judged. */
  readonly found: boolean | null;
  /** Standard deviation of the privacy noise on each number. */
  readonly noise: number;
  /** [n, C, H, W]; in the order of the truth, if that is known. */
  readonly images: Float32Array;
  /** Of the images that were reconstructed, ascending. */
  readonly labels: Int32Array;
  /** Scores against the truth; floor and leakage are sound only if the attacker has images of its own. */
  readonly leak: Leak | null;
  /** Labels that would be right by chance; null without truth. */
  readonly labelFloor: number | null;
  /** Lower bounds on any error under noise; null without noise or truth, or where they do not apply. */
  readonly bounds: Bounds | null;
}

/** What an audit found. */
export interface Audit {
  /** As it was audited. */
  readonly spec: AuditSpec;
  /** M. */
  readonly numClients: number;
  /** How that was estimated; null where it was given. */
  readonly counted: CountedClients | null;
  /** Whether there were own images. */
  readonly hasOwn: boolean;
  /** One per pair of broadcasts. */
  readonly rounds: readonly AuditedRound[];
  /** What a reader should know of the files and of what was tried. */
  readonly notes: readonly string[];
  /** That it took. */
  readonly seconds: number;
}

/** Hears what is being done, in words. */
export type Tell = (text: string) => void;

/**
 * Audits a federation: reads what a client recorded, checks it, inverts every round, and scores what came out if the truth is known.
 *
 * @param spec see readSpec
 * @param tell hears what is being done
 * @returns what was found, owned by the caller
 * @throws InputError for files that are not what the spec says; see readRecording, checkOwn and viewsOf
 * @example
 * const spec = await readSpec(join(projectRoot, "examples", "one-image-each.json"));
 * const quick = { ...spec, attacker: { options: { ...spec.attacker.options, steps: 2, restarts: 1, retryAbove: 1 }, priors: [] } };
 * (await audit(quick)).rounds[0].images.length; // 3136; four images
 */
export async function audit(spec: AuditSpec, tell: Tell = () => undefined): Promise<Audit> {
  const started = performance.now();
  tell("reading files");
  const given = await readRecording(spec);
  const notes = [...given.notes];
  tell("checking the spec against what the client knows");
  const { recording, errors } = checkOwn(spec, given);
  const stock = stockOf(spec, recording);
  const counted = spec.numClients === null ? await count(spec, recording, stock, tell) : null;
  const numClients = spec.numClients ?? counted!.numClients;
  const seen = viewsOf(spec, recording, numClients);
  recording.rounds.forEach(({ labels, truth }, k) => {
    if (labels !== null) checkCount("labels", labels.length, seen[k]!);
    if (truth !== null) checkCount("truth", truth.size, seen[k]!);
  });
  const setup = { spec, recording, stock, seen, notes, tell };
  const results = await search(setup);
  const rounds: AuditedRound[] = [];
  for (const [k, found] of results.entries()) rounds.push(await judge(setup, k, found, errors[k] ?? null));
  const seconds = (performance.now() - started) / 1000;
  return { spec, numClients, counted, hasOwn: recording.own !== null, rounds, notes, seconds };
}

/** What the parts of an audit share. */
interface Setup {
  readonly spec: AuditSpec;
  readonly recording: Recording;
  readonly stock: Batch;
  readonly seen: readonly Seen[];
  readonly notes: string[];
  readonly tell: Tell;
}

async function count(spec: AuditSpec, recording: Recording, stock: Batch, tell: Tell): Promise<CountedClients> {
  tell("estimating the number of clients");
  const first = { ...recording, rounds: recording.rounds.slice(0, 1) };
  const viewFor = (numClients: number): Seen["view"] => viewsOf(spec, first, numClients)[0]!.view;
  return countClients(viewFor, stock, first.rounds[0]!.labels, imagesPerClient(viewFor(2)));
}

/** A prior and what it gave. */
interface Result {
  readonly prior: PriorName;
  readonly attacked: Attacked;
}

const asGood = 3; // a factor in the matching loss, by which starts of one truth differ

/** By their match, but the attacker's own choice first where no other is clearly better: less than found, little more loss tells nothing. */
function bestFirst(all: readonly Result[]): Result[] {
  const lossOf = ({ attacked: { reconstruction } }: Result): number => reconstruction.matchingLoss;
  const sorted = [...all].sort((a, b) => lossOf(a) - lossOf(b));
  const [own] = all;
  if (own === undefined || lossOf(own) > asGood * lossOf(sorted[0]!)) return sorted;
  return [own, ...sorted.filter((one) => one !== own)];
}

/** Of every round what each prior gave, the best match first; none of a round that shows nothing. */
async function search(setup: Setup): Promise<Result[][]> {
  const { spec, recording, stock, seen, notes, tell } = setup;
  const { options, priors } = spec.attacker;
  const shows = [...seen.keys()].filter((k) => !showsNothing(seen[k]!.view));
  const results: Result[][] = seen.map(() => []);
  if (shows.length < seen.length)
    notes.push(`${seen.length - shows.length} of ${seen.length} rounds show nothing of others`);
  if (shows.length === 0) return results;
  const isGiven = spec.labels !== null;
  const targets = shows.map((k) => {
    const { view, granted } = seen[k]!;
    const { labels } = recording.rounds[k]!;
    return { view, ...(granted && { granted }), ...(labels && { labels }) };
  });
  const how = { ...invertOptions(spec, recording), own: stock };
  const first = options.prior;
  const trained = (prior: PriorName): Promise<Autoencoder> | null =>
    prior === "autoencoder" ? trainOwn(setup, options.autoencoderSteps) : null;
  const firstAutoencoder = await trained(first);
  tell(`inverting ${many(targets.length, "round")}, ${first} prior`);
  const onStep = steps(tell, first);
  const prior = priorFor(first, firstAutoencoder, targets.length);
  const attacked = await attack(targets, { ...how, prior, onStep }, { ...options, labels: isGiven ? "given" : "inferred" }); // prettier-ignore
  attacked.forEach((one, i) => results[shows[i]!]!.push({ prior: first, attacked: one }));
  const quiet = [...attacked.keys()].filter((i) => countedNoise(attacked[i]!.view, how) === 0);
  if (quiet.length < attacked.length) notes.push("where noise of known size is in a view, the most likely images under a Gaussian prior were looked for"); // prettier-ignore
  for (const name of quiet.length > 0 ? priors : []) {
    if (!isDrawable(name, spec)) {
      notes.push(`the ${name} prior was left out, as it does not fit images of [${spec.inputShape.join(", ")}]`);
      continue;
    }
    const labels = quiet.map((i) => attacked[i]!.reconstruction.labels);
    const views = quiet.map((i) => attacked[i]!.view);
    try {
      const autoencoder = await trained(name);
      tell(`inverting ${many(quiet.length, "round")}, ${name} prior`);
      const found = await invert(views, { ...otherOptions(how), prior: priorFor(name, autoencoder, views.length), labels, onStep: steps(tell, name) }); // prettier-ignore
      found.forEach((reconstruction, i) => {
        const at = shows[quiet[i]!]!;
        results[at]!.push({ prior: name, attacked: { view: views[i]!, reconstruction } });
      });
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      notes.push(`the ${name} prior failed (${error.message})`); // what others gave stays
    }
  }
  return results.map(bestFirst);
}

/** What the attacker's options are to invert; without own images it starts anywhere. */
function invertOptions({ attacker }: AuditSpec, { own }: Recording): Omit<InvertOptions, "prior" | "own"> {
  const rest = searchOptionsOf(attacker.options);
  return own === null && rest.initialCode === "guess" ? { ...rest, initialCode: "uniform" } : rest;
}

const otherSteps = 400;

/** How priors whose codes are no pixels search. */
function otherOptions(how: Omit<InvertOptions, "prior">): Omit<InvertOptions, "prior"> {
  const { box: _b, initialCode: _i, totalVariation: _t, restartSteps: _r, retryAbove: _a, goal: _g, ...rest } = how;
  return { ...rest, restarts: 1, steps: Math.min(otherSteps, how.steps ?? otherSteps), learningRate: 0.1 };
}

const mostPixels = 4096; // whose covariance a Gaussian prior holds

/** Whether a prior that is tried besides can draw such images; an autoencoder halves them twice. */
function isDrawable(prior: PriorName, { inputShape }: AuditSpec): boolean {
  if (prior === "autoencoder") return inputShape[1]! % 4 === 0 && inputShape[2]! % 4 === 0;
  return prior !== "gaussian" || volume(inputShape) <= mostPixels;
}

/** The attacker's autoencoder. */
async function trainOwn({ spec, stock, tell }: Setup, autoencoderSteps: number): Promise<Autoencoder> {
  const { inputShape } = spec;
  tell("training the attacker's autoencoder");
  const rng = createRng(spec.attacker.options.seed ?? 0).split("autoencoder");
  const [trained] = await trainAutoencoders([stock], inputShape, rng, {
    steps: autoencoderSteps,
    batchSize: Math.min(32, stock.size),
  });
  return trained!;
}

/** Tells every tenth of the steps. */
function steps(tell: Tell, what: string): (done: number, total: number) => void {
  let said = 0;
  return (done, total) => {
    const tenths = Math.floor((10 * done) / total);
    if (tenths <= said && done > 0) return;
    said = tenths;
    tell(`${what}: ${10 * tenths} %`);
  };
}

const trueAtMost = 1e-3; // matching loss of images that are the truth, where nobody adds noise

/** What a round's results are worth. */
async function judge(
  { spec, recording, stock, seen, notes }: Setup,
  k: number,
  results: readonly Result[],
  selfCheck: number | null,
): Promise<AuditedRound> {
  const recorded = recording.rounds[k]!;
  const { truth } = recorded;
  const best = results[0];
  const view = best?.attacked.view ?? seen[k]!.view;
  const nothing: Reconstruction = { round: k, images: new Float32Array(0), labels: new Int32Array(0), matchingLoss: 0, trace: [] }; // prettier-ignore
  const reconstruction = best?.attacked.reconstruction ?? nothing;
  const how: InvertOptions = { ...invertOptions(spec, recording), prior: { kind: "pixel" }, own: stock };
  const isWhole = best !== undefined && truth?.size === view.numImages;
  const [truthLoss] = isWhole ? await matchingLosses([view], [truth], how) : [null];
  const score = (one: Reconstruction): Leak | null =>
    truth === null ? null : scoreLeak(one, truth, stock, { truthLoss: truthLoss ?? undefined });
  const leaks = results.map(({ attacked }) => score(attacked.reconstruction));
  const leak = best === undefined ? score(nothing) : leaks[0]!;
  if (truth !== null && best !== undefined && reconstruction.labels.length < truth.size)
    notes.push(`of round ${k} the rule kept ${many(view.numClients - 1, "update")} of others: of images for which no reconstruction is left the best guess without the broadcasts is shown`); // prettier-ignore
  const noise = noiseSeen(view);
  const isNoisy = countedNoise(view, how) > 0;
  const canJudge = best !== undefined && noise === 0 && how.objective !== "squared";
  const rounding = canJudge ? matchBound(view.observedGradient, recorded, spec.learningRate) : null;
  const isTrue = typeof truthLoss !== "number" || rounding === null || truthLoss <= trueAtMost;
  const bound = !isTrue || noise > 0 ? null : typeof truthLoss === "number" ? 1.1 * truthLoss + 1e-5 : rounding;
  if (!isTrue)
    notes.push(`the true images of round ${k} do not explain its broadcasts (matching loss ${truthLoss.toPrecision(2)}): the spec, the truth or its order is another, or the attacker simplifies what clients do`); // prettier-ignore
  return {
    round: k,
    files: recorded.files,
    seat: seen[k]!.seat,
    selfCheck,
    priors: results.map(({ prior, attacked }, i) => ({
      prior: isNoisy ? "gaussian" : prior,
      matchingLoss: attacked.reconstruction.matchingLoss,
      rmse: leaks[i]?.rmse ?? null,
    })),
    matchingLoss: reconstruction.matchingLoss,
    trueMatchingLoss: truthLoss ?? null,
    bound,
    found: bound === null || best === undefined ? null : reconstruction.matchingLoss <= bound,
    noise,
    images: leak?.reconstructions ?? reconstruction.images,
    labels: reconstruction.labels,
    leak,
    labelFloor: truth === null ? null : labelFloor(truth.labels, spec.numClasses),
    bounds: noise > 0 && truth !== null ? await boundsOf(view, truth) : null,
  };
}

/** Bounds where they apply: a mean of one noisy step. */
async function boundsOf(view: Seen["view"], truth: Batch): Promise<Bounds | null> {
  try {
    return await bounds(view, truth);
  } catch (error) {
    if (error instanceof InputError) return null;
    throw error;
  }
}
