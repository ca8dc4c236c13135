/** @file A reconstruction against the truth: the one place where the two meet. */
import { ensureNames } from "../core/known";
import { ensure, ensureCount } from "../core/errors";
import { ensureLabels, ensureVector } from "../core/typed";
import type { Batch } from "../core/types";
import { joinBatches } from "../data/batch";
import type { Reconstruction } from "../reconstruction/inversion";
import { floorRmse, leakage } from "./baseline";
import { matchImages } from "./matching";

/** One inverted view, scored on all private images of the other clients and on those of contributors alone. */
export interface Leak {
  /** k. */
  readonly round: number;
  /** Mean over the private images, pixels in [0, 1]. */
  readonly rmse: number;
  /** RMSE of each private image. */
  readonly perImage: readonly number[];
  /** Mean RMSE of the best guess without a gradient. */
  readonly floor: number;
  /** RMSE of that guess on each private image. */
  readonly perImageFloor: readonly number[];
  /** 1 - rmse / floor. */
  readonly leakage: number;
  /** Whether each private image's client is in the aggregate. */
  readonly contributed: readonly boolean[];
  /** Mean over the images of contributors; null when there is none. */
  readonly contributorRmse: number | null;
  /** 1 - contributorRmse / the floor of the same images. */
  readonly contributorLeakage: number | null;
  /** M_eff of the round's aggregate, in clients. */
  readonly effectiveParticipants: number;
  /** The objective at the end of the inversion, without the smoothness term. */
  readonly matchingLoss: number;
  /** Of the private images themselves under the same objective; null where it was not asked for. */
  readonly truthLoss: number | null;
  /** matchingLoss <= 1.1 truthLoss + 1e-5: the search did not fail. */
  readonly found: boolean | null;
  /** Share of the images in the aggregate whose reconstruction was made as of their class. */
  readonly labelAccuracy: number;
  /** True labels of the private images. */
  readonly labels: readonly number[];
  /** [n, C, H, W]. */
  readonly privateImages: Float32Array;
  /** [n, C, H, W], in the order of the private images they were matched to. */
  readonly reconstructions: Float32Array;
}

/** What the experimenter knows of the round behind a view, where not every client is in the aggregate. */
export interface LeakOptions {
  /** Mean output of the attacker's decoder, a guess without a gradient. */
  readonly decoderMean?: Float32Array | undefined;
  /** Per private image; default: all of them. */
  readonly contributed?: readonly boolean[] | undefined;
  /** M_eff of the aggregate; default: the number of private images. */
  readonly effectiveParticipants?: number | undefined;
  /** The attacker's own images of the round, where the view still holds its share. */
  readonly ownBatch?: Batch | undefined;
  /** The matching loss of the private images themselves, see matchingLosses. */
  readonly truthLoss?: number | undefined;
  /** Whether that share is in the aggregate; default true. */
  readonly ownContributed?: boolean | undefined;
}

const optionNames = ["decoderMean", "contributed", "effectiveParticipants", "truthLoss", "ownBatch", "ownContributed"];

/**
 * Scores a reconstruction: matched to the private images at least total RMSE within a class, and set against the floor.
 *
 *     leakage = 1 - rmse / floor
 *
 * Reconstructions are matched to the images that are in the aggregate first, and what is left over to the others, since only the
 * former can have left a trace. The attacker's own images, where the view still holds its share, take part in the matching and are
 * scored by nobody. A private image for which no reconstruction is left, since the attacker took fewer clients to be in the aggregate,
 * gets its best guess without a gradient.
 *
 * @param reconstruction as invert gives it, or without any image, of a round that showed nothing
 * @param truth the private images of the other clients, with labels
 * @param own the attacker's own images with labels, from which it could guess without a gradient
 * @param options see LeakOptions
 * @returns the leak, owned by the caller
 * @throws InputError when the numbers of images or pixels do not fit, a pixel is not finite, a label is no integer from 0 on, or
 *   an option is unknown
 * @example
 * const [reconstruction] = await invert([view], { prior: { kind: "pixel" }, steps: 2 });
 * const leak = scoreLeak(reconstruction, joinBatches(records[0].batches.flat()), own);
 * leak.leakage; // 1 - leak.rmse / leak.floor
 * @source Our choice (design: measuring honestly); the paper reports the RMSE alone, and not over whom
 */
export function scoreLeak(reconstruction: Reconstruction, truth: Batch, own: Batch, options: LeakOptions = {}): Leak {
  const fn = "scoreLeak";
  ensureNames(fn, "options", options, optionNames);
  const {
    decoderMean,
    ownBatch,
    ownContributed = true,
    effectiveParticipants = truth.size,
    truthLoss = null,
  } = options;
  ensureCount(fn, "size of truth", truth.size);
  const pixels = truth.images.length / truth.size;
  checkImages("truth", truth, pixels);
  checkImages("own", own, pixels);
  if (ownBatch !== undefined) checkImages("ownBatch", ownBatch, pixels);
  checkImages("reconstruction", { ...reconstruction, size: reconstruction.labels.length }, pixels);
  const contributed = options.contributed ?? Array.from({ length: truth.size }, () => true);
  const known = contributed.length === truth.size;
  ensure(known, fn, `needs contributed for each of ${truth.size} private images`, contributed.length);
  const isFlag = [...contributed, ownContributed].every((flag) => typeof flag === "boolean");
  ensure(isFlag, fn, "needs true or false in contributed", `[${contributed.join(", ")}], ownContributed ${String(ownContributed)}`); // prettier-ignore
  ensure(
    Number.isFinite(effectiveParticipants) && effectiveParticipants >= 0,
    fn,
    "needs effectiveParticipants >= 0",
    effectiveParticipants,
  );
  ensure(truthLoss === null || (Number.isFinite(truthLoss) && truthLoss >= 0), fn, "needs truthLoss >= 0", truthLoss);
  const scored = { privateImages: truth.images, privateLabels: truth.labels, pixels };
  const floor = floorRmse({ ...scored, ownImages: own.images, ownLabels: own.labels, decoderMean });

  const behind = ownBatch === undefined ? truth : joinBatches([truth, ownBatch]);
  const isIn = (image: number): boolean => (image < truth.size ? contributed[image]! : ownContributed);
  const matched = matchInTurn(behind, isIn, reconstruction, pixels);
  const perImage = contributed.map((_, i) => matched[i]?.rmse ?? floor.perImage[i]!);
  const reconstructions = floor.images.slice();
  for (let i = 0; i < truth.size; i++) {
    const from = matched[i]?.reconstruction;
    if (from !== undefined)
      reconstructions.set(reconstruction.images.subarray(from * pixels, (from + 1) * pixels), i * pixels);
  }
  const rmse = mean(perImage);
  const rightly = Array.from(behind.labels, (label, image) => {
    const from = matched[image]?.reconstruction;
    return from !== undefined && reconstruction.labels[from] === label;
  });
  const aggregated = rightly.filter((_, image) => isIn(image));
  const inside = <T>(values: readonly T[]): T[] => values.filter((_, i) => contributed[i]);
  const contributorRmse = contributed.some(Boolean) ? mean(inside(perImage)) : null;
  return {
    round: reconstruction.round,
    rmse,
    perImage,
    floor: floor.floor,
    perImageFloor: floor.perImage,
    leakage: leakage(rmse, floor.floor),
    contributed,
    contributorRmse,
    contributorLeakage: contributorRmse === null ? null : leakage(contributorRmse, mean(inside(floor.perImage))),
    effectiveParticipants,
    matchingLoss: reconstruction.matchingLoss,
    truthLoss,
    found: truthLoss === null ? null : reconstruction.matchingLoss <= 1.1 * truthLoss + 1e-5,
    labelAccuracy: share(aggregated.length > 0 ? aggregated : rightly),
    labels: [...truth.labels],
    privateImages: truth.images,
    reconstructions,
  };
}

function checkImages(name: string, { images, labels, size }: Batch, pixels: number): void {
  ensureVector("scoreLeak", `images of ${name}`, images, size * pixels);
  ensureLabels("scoreLeak", `labels of ${name}`, labels, size);
}

/** For every image behind the view its reconstruction, if one is left for it: those in the aggregate choose first. */
function matchInTurn(
  behind: Batch,
  isIn: (image: number) => boolean,
  { images, labels }: Reconstruction,
  pixels: number,
): ({ reconstruction: number; rmse: number } | undefined)[] {
  const matched = new Array<{ reconstruction: number; rmse: number } | undefined>(behind.size);
  let free = Array.from(labels.keys());
  const all = Array.from(behind.labels.keys());
  for (const turn of [all.filter(isIn), all.filter((image) => !isIn(image))]) {
    if (turn.length === 0 || free.length === 0) continue;
    const isShort = free.length < turn.length; // then every reconstruction gets an image, and not every image a reconstruction
    const theirs = { images: pick(behind.images, turn, pixels), labels: turn.map((image) => behind.labels[image]!) };
    const ours = { images: pick(images, free, pixels), labels: free.map((at) => labels[at]!) };
    const [few, many] = isShort ? [ours, theirs] : [theirs, ours];
    const { pairs } = matchImages(few.images, many.images, { pixels, privateLabels: few.labels, reconstructionLabels: many.labels }); // prettier-ignore
    const taken = new Set<number>();
    pairs.forEach(({ reconstruction: partner, rmse }, i) => {
      const [image, at] = isShort ? [turn[partner]!, free[i]!] : [turn[i]!, free[partner]!];
      matched[image] = { reconstruction: at, rmse };
      taken.add(at);
    });
    free = free.filter((at) => !taken.has(at));
  }
  return matched;
}

function pick(stack: Float32Array, chosen: readonly number[], pixels: number): Float32Array {
  const picked = new Float32Array(chosen.length * pixels);
  chosen.forEach((image, i) => picked.set(stack.subarray(image * pixels, (image + 1) * pixels), i * pixels));
  return picked;
}

function share(flags: readonly boolean[]): number {
  return flags.filter(Boolean).length / flags.length;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
