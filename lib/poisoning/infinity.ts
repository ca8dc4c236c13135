/** @file Infinity in every coordinate: a Byzantine client at its crudest. */
import { checkedPoisoning } from "./poisoning";

/**
 * Sends what no server can use: a test of whether it looks at what it gets.
 *
 * poisoned[j] = Infinity
 *
 * Reads no parameter.
 *
 * @example
 * const context = { parameters: {}, numClients: 3, numMalicious: 1, honestUpdates: [], inputShape: [1, 4, 4], numClasses: 3 };
 * infinity.poisonUpdate(Float32Array.of(1, -2), context, rng); // [Infinity, Infinity]
 * @source byzfl's Inf
 */
export const infinity = checkedPoisoning({
  name: "infinity",
  label: "infinity",
  source: "byzfl's Inf",
  knows: "own",
  reads: [],
  poisonUpdate: (own) => own.map(() => Infinity),
});
