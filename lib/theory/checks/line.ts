/** @file What a line of the derivation is to the check: an inequality on a random instance. Lines are those of notebook 07_theorem_1. */
import type { Rng } from "../../core/rng";
import type { Instance } from "../instances";

/** One inequality on one instance. */
export interface Comparison {
  readonly smaller: number; // what the theory says is the smaller side, >= 0
  readonly larger: number;
  /** Where a side is a closed-form expectation: one draw of the random quantity it is the mean of. */
  readonly exact?: number;
  readonly sample?: (rng: Rng) => number;
}

/** A line of the derivation, as a comparison on a random instance. */
export interface Check {
  readonly line: string; // of the derivation
  readonly group: "theorem" | "lemma" | "any rule" | "FedAvg";
  readonly holds: "in expectation" | "in every draw";
  compare(instance: Instance, rng: Rng): Comparison | undefined; // undefined: the line says nothing here
}

/** Checks by what they are called. */
export type Checks = Readonly<Record<string, Check>>;

/**
 * Different indices in random order.
 *
 * @param n how many there are
 * @param count how many to choose, at most n
 * @param rng where they come from
 * @returns `count` of 0..n-1
 * @example
 * choose(3, 3, createRng(1)).sort(); // [0, 1, 2]
 */
export function choose(n: number, count: number, rng: Rng): number[] {
  return [...rng.permutation(n)].slice(0, count);
}
