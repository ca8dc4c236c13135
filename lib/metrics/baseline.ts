/** @file The no-information floor: what an attacker reaches who ignores the gradient. */
import { ensureNames } from "../core/known";
import { ensure, ensureCount, ensureFinite } from "../core/errors";
import { ensureFloats, ensureLabels } from "../core/typed";
import { matchImages } from "./matching";

/** What an attacker who ignores the gradient knows, and the truth it is scored on. */
export interface FloorOptions {
  /** [n, pixels], in [0, 1]. */
  readonly privateImages: Float32Array;
  /** [n]; granted to the attacker, who may infer them. */
  readonly privateLabels: ArrayLike<number>;
  /** [m, pixels], the attacker's own data. */
  readonly ownImages: Float32Array;
  /** [m]. */
  readonly ownLabels: ArrayLike<number>;
  /** Pixels per image, C H W. */
  readonly pixels: number;
  /** [pixels], the mean output of the attacker's decoder. */
  readonly decoderMean?: Float32Array | undefined;
}

const optionNames = ["privateImages", "privateLabels", "ownImages", "ownLabels", "pixels", "decoderMean"];

/**
 * An image guessed for each private label: the class's mean in the attacker's own data (its overall mean for a class it
 * has no image of), its overall mean, or its decoder's mean output.
 */
export type FloorGuess = "classMeans" | "overallMean" | "decoderMean";

/** The floor, and the guess that set it. */
export interface Floor {
  /** Mean RMSE of the best guess. */
  readonly floor: number;
  /** The best guess. */
  readonly guess: FloorGuess;
  /** [n], the best guess's RMSE on each private image. */
  readonly perImage: readonly number[];
  /** [n, pixels], the best guess for each private image. */
  readonly images: Float32Array;
  /** Mean RMSE of every guess tried. */
  readonly means: Readonly<Partial<Record<FloorGuess, number>>>;
}

/**
 * The RMSE of the strongest attacker who ignores the gradient. A reconstruction above it leaks nothing, however it ranks.
 *
 *     floor = min over guesses of mean_i rmse(private[i], guess(label[i]))
 *
 * Guesses are scored by matchImages with the private labels on both sides, so score the reconstructions with labels too.
 *
 * @param options the private images with labels, the attacker's own images with labels, pixels an image, and the mean
 * output of its decoder if it has one
 * @returns the lowest mean RMSE, the guess that has it, that guess's RMSE per private image, and every guess's mean
 * @throws InputError when a stack is empty or no whole number of images, labels are missing or no integers from 0 on, an option is
 * unknown, or a pixel is NaN or infinite
 * @example
 * floorRmse({ privateImages: Float32Array.of(0, 1), privateLabels: [0, 1], ownImages: Float32Array.of(0.25, 0.75),
 *   ownLabels: [0, 1], pixels: 1 }).floor; // 0.25; by "classMeans", as the overall mean 0.5 has 0.5
 * @source Our choice (design: measuring honestly); the paper reports no such floor. Means minimise the squared error;
 * the guess of least mean RMSE, a geometric median, would lie a little lower.
 */
export function floorRmse(options: FloorOptions): Floor {
  ensureNames("floorRmse", "options", options, optionNames);
  const { privateImages, privateLabels, ownImages, ownLabels, pixels, decoderMean } = options;
  ensureCount("floorRmse", "pixels", pixels);
  ensureStack("privateImages", privateImages, privateLabels, pixels);
  ensureStack("ownImages", ownImages, ownLabels, pixels);
  const overallMean = meanImage(ownImages, pixels, () => true)!;
  const classMeans = new Map<number, Float32Array>();
  for (const label of new Set(Array.from(privateLabels))) {
    classMeans.set(label, meanImage(ownImages, pixels, (i) => ownLabels[i] === label) ?? overallMean);
  }
  const guesses: Partial<Record<FloorGuess, (label: number) => Float32Array>> = {
    classMeans: (label) => classMeans.get(label)!,
    overallMean: () => overallMean,
  };
  if (decoderMean) {
    ensureFloats("floorRmse", "decoderMean", decoderMean);
    ensure(decoderMean.length === pixels, "floorRmse", `needs ${pixels} pixels in decoderMean`, decoderMean.length);
    ensureFinite("floorRmse", "decoderMean", decoderMean);
    guesses.decoderMean = () => decoderMean;
  }

  const means: Partial<Record<FloorGuess, number>> = {};
  let best: Omit<Floor, "means"> | undefined;
  for (const [name, guess] of Object.entries(guesses) as [FloorGuess, (label: number) => Float32Array][]) {
    const guessed = new Float32Array(privateImages.length);
    Array.from(privateLabels).forEach((label, i) => guessed.set(guess(label), i * pixels));
    const match = matchImages(privateImages, guessed, { pixels, privateLabels, reconstructionLabels: privateLabels });
    means[name] = match.mean;
    if (best === undefined || match.mean < best.floor) {
      best = { floor: match.mean, guess: name, perImage: match.pairs.map((pair) => pair.rmse), images: guessed };
    }
  }
  return { ...best!, means };
}

/**
 * How much a reconstruction tells beyond the floor.
 *
 *     leakage = 1 - rmse / floor
 *
 * @param rmse error of a reconstruction, >= 0
 * @param floor error of the best guess without the gradient, > 0; for one image, that image's entry of Floor.perImage
 * @returns 1 for a perfect reconstruction, 0 at the floor, negative above it (no leak)
 * @throws InputError when rmse is negative or no finite number, or floor is not a finite number > 0
 * @example
 * leakage(0.2, 0.4); // 0.5
 * @source Our choice (design: measuring honestly); the paper reports the RMSE alone.
 */
export function leakage(rmse: number, floor: number): number {
  ensure(rmse >= 0 && Number.isFinite(rmse), "leakage", "needs a finite rmse >= 0", rmse);
  ensure(floor > 0 && Number.isFinite(floor), "leakage", "needs a finite floor > 0", floor);
  return 1 - rmse / floor;
}

function ensureStack(name: string, images: Float32Array, labels: ArrayLike<number>, pixels: number): void {
  ensureFloats("floorRmse", name, images);
  ensureLabels("floorRmse", `labels of ${name}`, labels, (labels as ArrayLike<number> | undefined)?.length ?? 0);
  const matching = images.length > 0 && images.length === labels.length * pixels;
  const actual = `${images.length} pixels, ${labels.length} labels`;
  ensure(matching, "floorRmse", `needs images of ${pixels} pixels with one label each in ${name}`, actual);
  ensureFinite("floorRmse", name, images);
}

/** Mean of the chosen images, or undefined when none is chosen. */
function meanImage(images: Float32Array, pixels: number, chosen: (image: number) => boolean): Float32Array | undefined {
  const sum = new Float64Array(pixels);
  let count = 0;
  for (let image = 0; image * pixels < images.length; image++) {
    if (!chosen(image)) continue;
    count++;
    for (let i = 0; i < pixels; i++) sum[i]! += images[image * pixels + i]!;
  }
  return count === 0 ? undefined : Float32Array.from(sum, (value) => value / count);
}
