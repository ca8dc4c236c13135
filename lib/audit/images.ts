/** @file Images and labels in files, as the library has them: floats in [0, 1], channels first; integers from 0 on. */
import { ensure, refuse } from "../core/errors";
import { ensureLabels } from "../core/typed";
import type { Batch, Shape } from "../core/types";
import type { NamedArray } from "../files/namedArray";
import { readArrays } from "../files/readArrays";
import { volume } from "../model/stack";

const FN = "audit";

/** Images, and whether their channels stood last in the file. */
export interface Images {
  /** [count, C, H, W] in [0, 1]. */
  readonly images: Float32Array;
  /** How many. */
  readonly count: number;
}

/**
 * Reads images: bytes of 0..255, or floats in [0, 1]; of [N, C, H, W], [N, H, W, C] where that cannot be the former, or [N, H, W] grey.
 *
 * @param file .npy, .npz or .safetensors with one array
 * @param field of the spec, for messages
 * @param inputShape [C, H, W]
 * @returns images owned by the caller
 * @throws InputError as readArrays; for several arrays, another shape, and pixels of another range, with what to do
 * @example
 * const file = join(projectRoot, "examples", "flower", "recordings", "one-image-each", "truth0_images.npy");
 * (await readImages(file, "truth.images", [1, 28, 28])).count; // 4
 */
export async function readImages(file: string, field: string, inputShape: Shape): Promise<Images> {
  return imagesIn(await onlyArray(file, field), `${field} (${file})`, inputShape);
}

/**
 * The same of an array that is read.
 *
 * @param array as readArrays gives it
 * @param place for messages
 * @param inputShape [C, H, W]
 * @returns see readImages
 * @throws InputError see readImages
 * @example
 * imagesIn({ name: "", shape: [1, 1, 2], dtype: "uint8", values: Uint8Array.of(0, 255) }, "x.npy", [1, 1, 2]).images; // Float32Array [0, 1]
 */
export function imagesIn({ shape, dtype, values }: NamedArray, place: string, inputShape: Shape): Images {
  const [c, h, w] = inputShape as [number, number, number];
  const isShape = (...sides: number[]): boolean => sides.length === shape.length - 1 && sides.every((side, i) => side === shape[i + 1]); // prettier-ignore
  const isFirst = isShape(c, h, w) || (c === 1 && isShape(h, w));
  const isLast = !isFirst && isShape(h, w, c);
  const remedy = isShape(volume(inputShape)) ? "reshape it" : `the spec's inputShape is [${inputShape.join(", ")}]`;
  ensure(isFirst || isLast, FN, `needs images of [N, ${inputShape.join(", ")}] in ${place}`, shape, remedy);
  ensure(shape[0]! >= 1, FN, `needs at least one image in ${place}`, 0);
  const isByte = dtype === "uint8";
  if (!isByte && !(values instanceof Float32Array))
    return refuse(FN, `needs uint8 or floats in ${place}`, dtype, "save images as uint8");
  const pixels = isByte ? Float32Array.from(values, (byte) => byte / 255) : Float32Array.from(values);
  checkRange(pixels, place);
  const images = isLast ? channelsFirst(pixels, inputShape) : pixels;
  return { images, count: shape[0]! };
}

const slack = 1e-3; // of float16, and of what a transformation rounds

/** Clips what is beyond [0, 1] by rounding, and refuses what is further out. */
function checkRange(pixels: Float32Array, place: string): void {
  let [least, most] = [Infinity, -Infinity];
  for (const pixel of pixels) {
    if (pixel < least) least = pixel;
    if (pixel > most) most = pixel;
  }
  const needs = `needs pixels in [0, 1] in ${place}`;
  const range = `${Number(least.toPrecision(4))} to ${Number(most.toPrecision(4))}`;
  if (least < -slack)
    refuse(FN, needs, range, 'save images before they are normalised, and say "normalize": { "mean": …, "std": … }');
  if (most > 1 + slack) refuse(FN, needs, range, most <= 255 ? "divide by 255, or save as uint8" : "rescale them");
  for (let i = 0; i < pixels.length; i++) pixels[i] = Math.min(1, Math.max(0, pixels[i]!));
}

/** [N, H, W, C] as [N, C, H, W]. */
function channelsFirst(pixels: Float32Array, [c, h, w]: Shape): Float32Array {
  const area = h! * w!;
  const each = area * c!;
  return pixels.map((_, i) => {
    const [image, channel, at] = [Math.floor(i / each), Math.floor((i % each) / area), i % area];
    return pixels[image * each + at * c! + channel]!;
  });
}

/**
 * Reads labels.
 *
 * @param file .npy, .npz or .safetensors with one array
 * @param field of the spec, for messages
 * @param numClasses K
 * @param count of images, if known
 * @returns integers in 0..K-1, owned by the caller
 * @throws InputError as readArrays; for several arrays, several axes, floats, and labels outside the classes
 * @example
 * const file = join(projectRoot, "examples", "flower", "recordings", "one-image-each", "truth0_labels.npy");
 * (await readLabels(file, "truth.labels", 10)).length; // 4
 */
export async function readLabels(file: string, field: string, numClasses: number, count?: number): Promise<Int32Array> {
  const { shape, dtype, values } = await onlyArray(file, field);
  const place = `${field} (${file})`;
  const isList = shape.length === 1 || (shape.length === 2 && shape[1] === 1);
  ensure(isList, FN, `needs a list of labels in ${place}`, `an array of [${shape.join(", ")}]`, shape.length === 2 ? "of one-hot rows save argmax(1)" : undefined); // prettier-ignore
  ensure(!/float/.test(dtype), FN, `needs integers in ${place}`, dtype, 'save them by astype("int64")');
  ensureLabels(FN, `labels of ${place}`, values, count ?? values.length, numClasses);
  return Int32Array.from(values);
}

/**
 * Reads images with their labels.
 *
 * @param images file
 * @param labels file
 * @param field of the spec that holds both, for messages
 * @param model of which inputShape and numClasses are read
 * @returns a batch of all of them, owned by the caller
 * @throws InputError as readImages and readLabels
 * @example
 * const [images, labels] = ["images", "labels"].map((what) => join(projectRoot, "examples", "flower", "recordings", "one-image-each", `truth0_${what}.npy`));
 * (await readBatch(images, labels, "truth", { inputShape: [1, 28, 28], numClasses: 10 })).size; // 4
 */
export async function readBatch(
  images: string,
  labels: string,
  field: string,
  { inputShape, numClasses }: { readonly inputShape: Shape; readonly numClasses: number },
): Promise<Batch> {
  const { images: pixels, count } = await readImages(images, `${field}.images`, inputShape);
  return { images: pixels, labels: await readLabels(labels, `${field}.labels`, numClasses, count), size: count };
}

async function onlyArray(file: string, field: string): Promise<NamedArray> {
  const arrays = await readArrays(file);
  ensure(arrays.length === 1, FN, `needs one array in ${field} (${file})`, `${arrays.length}: ${arrays.map(({ name }) => name).join(", ")}`); // prettier-ignore
  return arrays[0]!;
}
