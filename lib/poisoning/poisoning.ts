/** @file What a poisoning rule is: it changes a batch, an update, or both. It sees vectors and one batch, never clients. */
import type { Rng } from "../core/rng";
import type { Batch, Shape } from "../core/types";

/** What the malicious client sets: plain JSON. Every rule documents which of these it reads, and its default for each left out. */
export interface PoisoningParameters {
  readonly scale?: number; // kappa
  readonly noiseStd?: number; // sigma_zeta, per coordinate
}

/** What a rule may know of the round. */
export interface PoisoningContext {
  readonly parameters: PoisoningParameters;
  readonly numClients: number; // n, all clients of the round
  readonly numMalicious: number; // how many of them poison together
  readonly honestUpdates: readonly Float32Array[]; // [n - numMalicious][d]; empty unless the rule knows "honest"
  readonly inputShape: Shape;
  readonly numClasses: number;
}

/** A poisoning rule. One that only changes the batch sends what training on it gives. */
export interface Poisoning {
  readonly name: string;
  readonly source: string;
  readonly knows: "own" | "honest"; // its own update and batch, or the honest clients' updates too
  poisonBatch?(batch: Batch, context: PoisoningContext, rng: Rng): Batch;
  poisonUpdate?(own: Float32Array, context: PoisoningContext, rng: Rng): Float32Array;
}
