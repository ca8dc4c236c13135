/** @file From a prior's name to its decoder. */
import { ensureKnown } from "../core/known";
import type { Autoencoder } from "../model/autoencoder";
import type { Decoder, PriorContext, PriorRule } from "./prior";
import { priors, type Prior, type PriorName } from "./priors";

/**
 * The decoder for the replicas of a stacked inversion.
 *
 * @param prior see Prior
 * @param context its autoencoders are the prior's
 * @returns the decoder, whose tensors the caller disposes
 * @throws InputError for an unknown prior, one whose needs are not met, or an image shape that it does not fit
 * @example
 * const context = { inputShape: [1, 28, 28], numClasses: 10, views: [0], labels: [batch.labels], own: batch };
 * createDecoder({ kind: "bicubic" }, context).codeShape; // [1, 7, 7]
 */
export function createDecoder(prior: Prior, context: Omit<PriorContext, "autoencoders">): Decoder {
  return priorRule(prior).createDecoder({ ...context, autoencoders: prior.autoencoders });
}

/**
 * The record of a prior.
 *
 * @param prior see Prior
 * @returns what `priors` holds by its name
 * @throws InputError for an unknown prior
 * @example
 * priorRule({ kind: "pixel" }).codes; // "pixels"
 */
export function priorRule(prior: Prior): PriorRule {
  ensureKnown("invert", "a prior.kind", (prior as Prior | undefined)?.kind, Object.keys(priors));
  return priors[prior.kind];
}

/**
 * The prior for some of the views it was given for.
 *
 * @param prior with one autoencoder per view, where it has any
 * @param views by their numbers, perhaps repeatedly
 * @returns the prior with theirs, in that order
 * @example
 * priorOf({ kind: "pixel" }, [2, 0]); // { kind: "pixel" }
 */
export function priorOf(prior: Prior, views: readonly number[]): Prior {
  const { autoencoders } = prior;
  return autoencoders === undefined ? prior : { ...prior, autoencoders: views.map((view) => autoencoders[view]!) };
}

/**
 * The attacker's prior for so many views.
 *
 * @param name of the prior
 * @param autoencoder the attacker's own; read where the prior is one
 * @param views how many
 * @returns what invert takes
 * @example
 * priorFor("pixel", null, 3); // { kind: "pixel" }
 */
export function priorFor(name: PriorName, autoencoder: Autoencoder | null, views: number): Prior {
  if (name !== "autoencoder") return { kind: name };
  return { kind: name, autoencoders: Array.from({ length: views }, () => autoencoder!) };
}
