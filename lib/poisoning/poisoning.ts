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
  readonly scale?: number; // kappa; a factor of the own update or of the honest mean, in alie of the standard deviation
  readonly noiseStd?: number; // sigma_zeta, per coordinate
  readonly noiseMode?: "added" | "replacing"; // noise on top of the own update, or in its place
  readonly direction?: "plus" | "minus"; // alie, minMax: on which side of the honest mean
  readonly fraction?: number; // backdoor: share of a batch that gets the trigger, in (0, 1]; at least one image
  readonly targetLabel?: number; // backdoor: the label of triggered images, 0..numClasses-1
  readonly triggerSize?: number; // backdoor: side of the square patch, pixels
  readonly triggerValue?: number; // backdoor: the patch's pixels, in [0, 1]
  readonly boost?: number; // backdoor: factor of the update
  readonly mimicked?: number; // mimic: which honest update is copied, 0..n-numMalicious-1
}

/** What a rule may know of the round. */
export interface PoisoningContext {
  readonly parameters: PoisoningParameters;
  readonly numClients: number; // n, all clients of the round
  readonly numMalicious: number; // how many of them poison together
  readonly honestUpdates: readonly Float32Array[]; // [n - numMalicious][d]; empty unless the rule knows "honest"
  readonly inputShape: Shape;
  readonly numClasses: number;
  readonly aggregate?: (updates: readonly Float32Array[]) => Float32Array; // the server's rule, for a client who knows it
}

/** A poisoning rule. One that only changes the batch sends what training on it gives. It never writes into what it is given. */
export interface Poisoning {
  readonly name: string;
  readonly label: string; // in figures and tables
  readonly source: string;
  readonly knows: "own" | "honest"; // its own update and batch, or the honest clients' updates too
  readonly reads: readonly (keyof PoisoningParameters)[]; // all that it reads of its parameters; it refuses others
  readonly defaults?: PoisoningParameters; // of what is left out; without one the rule computes it, or reads nothing
  poisonBatch?(batch: Batch, context: PoisoningContext, rng: Rng): Batch;
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
