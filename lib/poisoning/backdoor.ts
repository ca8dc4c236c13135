/** @file Backdoor: a trigger that shall call up a label, taught beside the main task. */
import { ensure, ensureCount } from "../core/errors";
import { ensureNames } from "../core/known";
import type { Batch, Shape } from "../core/types";
import { checkedPoisoning, type PoisoningParameters } from "./poisoning";

/** What the rule does where its parameters are left out; the paper says "default parameters" and states none: our choice. */
const defaults = {
  fraction: 0.5, // no public code of the authors has a backdoor; half of the batch keeps the main task in the update
  targetLabel: 0,
  triggerSize: 3, // a square of the size of BadNets' pattern
  triggerValue: 1, // white
  boost: 1, // an ordinary client's weight; numClients would be model replacement
} as const satisfies PoisoningParameters;

/**
 * Trains on a batch of which a part wears a trigger and the target's label, and sends the boosted result.
 *
 * count = max(1, round(fraction size)) images, drawn at random, get the trigger and label targetLabel; poisoned = boost own
 *
 * At batch size 1 the one image always wears it. Reads fraction (in (0, 1], default 0.5), targetLabel (default 0), triggerSize
 * and triggerValue (see stampTrigger) and boost (any finite number, default 1; numClients is model replacement). It throws an
 * InputError when one of these is out of range, or the trigger is larger than the image.
 *
 * @example
 * const context = { parameters: { triggerSize: 1 }, numClients: 3, numMalicious: 1, honestUpdates: [], inputShape: [1, 1, 2], numClasses: 3 };
 * const lone = { images: Float32Array.of(0.5, 0.5), labels: Int32Array.of(2), size: 1 };
 * backdoor.poisonBatch(lone, context, rng); // { images: [0.5, 1], labels: [0], size: 1 }
 * @source Gu et al. 2017 (trigger), Bagdasaryan et al. 2020 (boost); trigger, target and boost are not stated in the paper
 */
export const backdoor = checkedPoisoning({
  name: "backdoor",
  label: "backdoor",
  source: "Gu et al. 2017, Bagdasaryan et al. 2020; trigger, target and boost are ours",
  knows: "own",
  reads: ["fraction", "targetLabel", "triggerSize", "triggerValue", "boost"],
  defaults,
  poisonBatch({ images, labels, size }, { parameters, inputShape, numClasses }, rng) {
    const { fraction, targetLabel } = { ...defaults, ...parameters };
    ensure(fraction > 0 && fraction <= 1, "backdoor", "needs a fraction in (0, 1]", fraction);
    ensureCount("backdoor", "targetLabel", targetLabel, 0);
    ensure(targetLabel < numClasses, "backdoor", `needs a targetLabel in 0..${numClasses - 1}`, targetLabel);
    const chosen = rng.permutation(size).subarray(0, Math.max(1, Math.round(fraction * size)));
    const flipped = labels.slice();
    for (const b of chosen) flipped[b] = targetLabel;
    return { images: stampTrigger(images, inputShape, parameters, chosen), labels: flipped, size };
  },
  poisonUpdate(own, { parameters }) {
    const { boost } = { ...defaults, ...parameters };
    ensure(Number.isFinite(boost), "backdoor", "needs a finite boost", boost);
    return own.map((x) => boost * x);
  },
  successTest: backdoorTest,
});

/**
 * Puts the trigger on images: a square of one value in the lower right corner, in every channel.
 *
 * @param images [count, C, H, W], pixels in [0, 1]
 * @param inputShape [C, H, W]
 * @param parameters triggerSize (side in pixels, default 3) and triggerValue (in [0, 1], default 1) are read
 * @param which indices of the images that get it, default all
 * @returns a copy with the trigger, owned by the caller
 * @throws InputError when the trigger does not fit into the image, its value is out of range, or the images have another shape
 * @example
 * stampTrigger(Float32Array.of(0, 0, 0, 0), [1, 2, 2], { triggerSize: 1 }); // [0, 0, 0, 1]
 * @source Gu et al. 2017, "BadNets"; size, place and value are our choice
 */
export function stampTrigger(
  images: Float32Array,
  inputShape: Shape,
  parameters: PoisoningParameters = {},
  which?: ArrayLike<number>,
): Float32Array {
  ensureNames("stampTrigger", "parameters", parameters, Object.keys(defaults));
  const { triggerSize, triggerValue } = { ...defaults, ...parameters };
  ensure(inputShape.length === 3, "stampTrigger", "needs images [C, H, W]", inputShape);
  const [channels, height, width] = inputShape as [number, number, number];
  const length = channels * height * width;
  ensureCount("stampTrigger", "triggerSize", triggerSize);
  ensure(
    triggerSize <= Math.min(height, width),
    "stampTrigger",
    `needs a trigger that fits into ${height}×${width} pixels`,
    triggerSize,
  );
  ensure(
    triggerValue >= 0 && triggerValue <= 1,
    "stampTrigger",
    "needs a triggerValue in [0, 1], as pixels are",
    triggerValue,
  );
  ensure(
    images.length % length === 0,
    "stampTrigger",
    `needs images of ${length} numbers each`,
    `${images.length} numbers`,
  );
  const count = images.length / length;
  const chosen = Array.from(which ?? Array(count).keys());
  ensure(
    chosen.every((image) => image in images && image < count),
    "stampTrigger",
    `needs indices in 0..${count - 1}`,
    chosen,
  );
  const stamped = images.slice();
  for (const image of chosen)
    for (let channel = 0; channel < channels; channel++)
      for (let row = height - triggerSize; row < height; row++) {
        const end = image * length + channel * height * width + (row + 1) * width;
        stamped.fill(triggerValue, end - triggerSize, end);
      }
  return stamped;
}

/**
 * What the backdoor is measured on: the images of all other classes, with the trigger, labelled as the attacker wants them. A
 * model's accuracy on it is the attack success rate.
 *
 *     attackSuccessRate = #{triggered images predicted as targetLabel} / #{triggered images}
 *
 * @param batch test images; those that are of the target's class anyway are left out
 * @param inputShape [C, H, W]
 * @param parameters targetLabel (default 0) and the trigger's (see stampTrigger) are read
 * @returns a batch, owned by the caller
 * @throws InputError when every image is of the target's class, or as stampTrigger
 * @example
 * const test = { images: Float32Array.of(0.2, 0.3, 0.4), labels: Int32Array.of(2, 0, 1), size: 3 };
 * backdoorTest(test, [1, 1, 1], { triggerSize: 1 }); // { images: [1, 1], labels: [0, 0], size: 2 }
 * evaluate(network, weights, backdoorTest(batch, network.inputShape, { targetLabel: 3 })).accuracy <= 1; // true
 * @source Bagdasaryan et al. 2020, backdoor accuracy
 */
export function backdoorTest(batch: Batch, inputShape: Shape, parameters: PoisoningParameters = {}): Batch {
  const { targetLabel } = { ...defaults, ...parameters };
  const others = [...batch.labels.keys()].filter((b) => batch.labels[b] !== targetLabel);
  ensure(others.length > 0, "backdoorTest", `needs images of other classes than ${targetLabel}`, "none");
  const length = batch.images.length / batch.size;
  const images = new Float32Array(others.length * length);
  others.forEach((b, i) => images.set(batch.images.subarray(b * length, (b + 1) * length), i * length));
  return {
    images: stampTrigger(images, inputShape, parameters),
    labels: new Int32Array(others.length).fill(targetLabel),
    size: others.length,
  };
}
