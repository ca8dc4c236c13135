/** @file What a poisoning rule is: it changes a batch, an update, or both. It sees vectors and one batch, never clients. */
import { refuse } from "../core/errors";
import { ensureNames } from "../core/known";
import type { Rng } from "../core/rng";
import type { Batch, Shape } from "../core/types";

/**
 * What the malicious client sets: plain JSON. Every rule documents which of these it reads; what is left out comes from the rule's
 * own defaults.
 */
export interface PoisoningParameters {
  /**
   * kappa, any finite number: a factor of the own update (signFlip, default 1) or of the honest mean (omniscientSignFlip 1.5,
   * innerProductManipulation 0.1), in alie standard deviations (default alieScale).
   */
  readonly scale?: number;
  /** sigma_zeta >= 0, per coordinate, of gaussianNoise; default 0.1 (not stated in the paper). */
  readonly noiseStd?: number;
  /** gaussianNoise: on top of the own update ("added", default), or in its place ("replacing"). */
  readonly noiseMode?: "added" | "replacing";
  /** On which side of the honest mean: alie and optimalAlie "plus", minMax "minus" unless given. */
  readonly direction?: "plus" | "minus";
  /** backdoor: share of a batch that gets the trigger, in (0, 1], at least one image; default 0.5. */
  readonly fraction?: number;
  /** backdoor: the label of triggered images, 0..numClasses-1; default 0. */
  readonly targetLabel?: number;
  /** backdoor: side of the square patch, pixels, >= 1; default 3. */
  readonly triggerSize?: number;
  /** backdoor: the patch's pixels, in [0, 1]; default 1. */
  readonly triggerValue?: number;
  /** backdoor: factor of the update, any finite number; default 1, M is model replacement. */
  readonly boost?: number;
  /** mimic: which honest update is copied, 0..n-numMalicious-1; default 0. */
  readonly mimicked?: number;
}

/** What a rule may know of the round. */
export interface PoisoningContext {
  /** As the config has them: without defaults. */
  readonly parameters: PoisoningParameters;
  /** n, all clients of the round. */
  readonly numClients: number;
  /** How many of them poison together. */
  readonly numMalicious: number;
  /** [n - numMalicious][d]; empty unless the rule knows "honest". */
  readonly honestUpdates: readonly Float32Array[];
  /** [C, H, W]. */
  readonly inputShape: Shape;
  /** Labels are 0..numClasses-1. */
  readonly numClasses: number;
  /** The server's rule, for a client who knows it. */
  readonly aggregate?: (updates: readonly Float32Array[]) => Float32Array;
}

/** A poisoning rule. One that only changes the batch sends what training on it gives. It never writes into what it is given. */
export interface Poisoning {
  /** Its key in `poisonings`. */
  readonly name: string;
  /** In figures and tables. */
  readonly label: string;
  /** Where it comes from. */
  readonly source: string;
  /** Its own update and batch, or the honest clients' updates too. */
  readonly knows: "own" | "honest";
  /** All that it reads of its parameters; it refuses others. */
  readonly reads: readonly (keyof PoisoningParameters)[];
  /** Of what is left out; without one the rule computes it, or reads nothing. */
  readonly defaults?: PoisoningParameters;
  /** What the client trains on instead of its batch. */
  poisonBatch?(batch: Batch, context: PoisoningContext, rng: Rng): Batch;
  /** What the client sends instead of its update; default: what training on the batch gives. */
  poisonUpdate?(own: Float32Array, context: PoisoningContext, rng: Rng): Float32Array;
  /** The batch on which a model's accuracy says how well the poisoning succeeds, made of honest test images. */
  successTest?(batch: Batch, inputShape: Shape, parameters: PoisoningParameters): Batch;
}

type Name = keyof PoisoningParameters;

/** What a rule that reads these parameters gets: no other is in it, so its code can only take another from its defaults. */
type ContextOf<K extends Name> = Omit<PoisoningContext, "parameters"> & {
  readonly parameters: Pick<PoisoningParameters, K>;
};

/** A poisoning rule as its file writes it. */
interface PoisoningReading<K extends Name> extends Pick<Poisoning, "name" | "label" | "source" | "knows"> {
  readonly reads: readonly K[];
  readonly defaults?: Pick<PoisoningParameters, K>;
  poisonBatch?(batch: Batch, context: ContextOf<K>, rng: Rng): Batch;
  poisonUpdate?(own: Float32Array, context: ContextOf<K>, rng: Rng): Float32Array;
  successTest?(batch: Batch, inputShape: Shape, parameters: Pick<PoisoningParameters, K>): Batch;
}

/**
 * The poisoning rule that a file writes: `reads` names all that its code takes of the parameters; given another, the rule refuses it.
 *
 * @param rule as the file writes it
 * @returns a rule that checks the names of its parameters first
 * @example
 * const rule = checkedPoisoning({ name: "same", label: "same", source: "ours", knows: "own", reads: [], poisonUpdate: (own) => own });
 * rule.poisonUpdate(Float32Array.of(1), { parameters: { scale: 2 } }); // throws "same: needs only known names in parameters, got scale; known are: none"
 */
export function checkedPoisoning<const K extends Name>(rule: PoisoningReading<K>): Poisoning {
  const { name, reads } = rule;
  const check = (parameters: PoisoningParameters): void => ensureNames(name, "parameters", parameters, reads);
  return {
    ...rule,
    ...(rule.poisonBatch && {
      poisonBatch: (batch, context, rng) => (check(context.parameters), rule.poisonBatch!(batch, context, rng)),
    }),
    ...(rule.poisonUpdate && {
      poisonUpdate: (own, context, rng) => (check(context.parameters), rule.poisonUpdate!(own, context, rng)),
    }),
    ...(rule.successTest && {
      successTest: (batch, shape, parameters) => (check(parameters), rule.successTest!(batch, shape, parameters)),
    }),
  };
}

/**
 * The sign of a direction.
 *
 * @param fn name of the rule
 * @param direction as the parameters have it
 * @returns 1 or -1
 * @throws InputError when it is neither
 * @example
 * signOf("alie", "minus"); // -1
 */
export function signOf(fn: string, direction: "plus" | "minus"): 1 | -1 {
  if (direction === "plus") return 1;
  if (direction === "minus") return -1;
  return refuse(fn, 'needs a direction of "plus", "minus"', direction);
}
