/** @file The two attackers that every verdict is given for. */
import type { PriorName } from "./priors";
import type { InvertOptions } from "./inversion";
import type { LabelSearch } from "./labelSearch";

/** An attacker's way to invert, as plain JSON. */
export interface AttackerOptions extends Omit<InvertOptions, "prior" | "labels" | "own" | "also" | "onStep"> {
  /** What images look like: "autoencoder" (paper eq. 22), "bicubic", "gaussian" or "pixel"; see priors. */
  readonly prior: PriorName;
  /** Read off the gradient ("inferred"), or granted ("given"). */
  readonly labels: "inferred" | "given";
  /** Gradient steps, >= 1, of the prior's training on the attacker's own images; read by the autoencoder prior. */
  readonly autoencoderSteps: number;
  /** Tries other labels where inferred ones leave a view above retryAbove; default: inferred labels are kept. */
  readonly labelSearch?: LabelSearch;
  /** Tells images apart by the zeros of ReLU where that can be done, see invertSeparated, and searches for the others; default false. */
  readonly separate?: boolean;
  /** Adam steps, >= 1, of a trial of each selection that a rule which keeps some updates may have made; default: no trials. */
  readonly selectionSteps?: number;
}

/** The attackers by name. */
export const attackers = {
  /** Equation 22 as written: cosine distance to the plain mean's gradient in the autoencoder's codes, a fixed number of steps, one start. */
  paper: { prior: "autoencoder", labels: "inferred", autoencoderSteps: 400, steps: 250 },
  /**
   * Knows the protocol: dummy clients clip and are aggregated as clients are. Pixels that stay in [0, 1], from the guess for each label
   * on, with a smoothness weight that comes down while the match gets better; starts and labels tried until the match is what the
   * private images themselves would have. Under noise of known size the most likely images.
   */
  strongest: {
    prior: "pixel",
    labels: "inferred",
    through: "protocol",
    autoencoderSteps: 400,
    box: true,
    initialCode: "guess",
    noise: "known",
    steps: 800,
    learningRate: 0.3,
    totalVariation: [3e-2, 3e-6],
    restarts: 8,
    restartSteps: 50,
    retryAbove: 1e-4,
    goal: 1e-6,
    separate: true,
    selectionSteps: 120,
    labelSearch: { candidates: 12, trialSteps: 120, starts: 3, rounds: 8 },
  },
} as const satisfies Readonly<Record<string, AttackerOptions>>;

/** A key of `attackers`. */
export type AttackerName = keyof typeof attackers;
