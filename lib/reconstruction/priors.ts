/** @file The priors by name. */
import type { Autoencoder } from "../model/autoencoder";
import type { PriorRule } from "./prior";
import { autoencoder } from "./priors/autoencoder";
import { bicubic } from "./priors/bicubic";
import { gaussian } from "./priors/gaussian";
import { pixel } from "./priors/pixel";

/** The priors by name. */
export const priors = { autoencoder, bicubic, gaussian, pixel } as const satisfies Readonly<Record<string, PriorRule>>;

/** A prior's name. */
export type PriorName = keyof typeof priors;

/** A prior, and what it takes beyond the attacker's own images. */
export interface Prior {
  /** A key of `priors`. */
  readonly kind: PriorName;
  /** The attacker's own, one per view; the prior of that name needs them. */
  readonly autoencoders?: readonly Autoencoder[];
}
