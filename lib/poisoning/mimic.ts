/** @file Mimic: a Byzantine client that copies an honest one. */
import { ensure } from "../core/errors";
import { honestOf } from "./honest";
import { checkedPoisoning, type PoisoningParameters } from "./poisoning";

/** What the rule does where its parameters are left out; the paper says "default parameters" and states none: our choice. */
const defaults = {
  mimicked: 0,
} as const satisfies PoisoningParameters;

/**
 * Copies one honest client: nothing to filter, but under a rule that keeps the similar, that client's data count double and others'
 * less.
 *
 * poisoned = honestUpdates[mimicked]
 *
 * Knows the honest updates; several malicious clients copy the same one. Reads mimicked (an index of honestUpdates, default 0). It
 * throws an InputError when it is none, or honestUpdates are missing, of another length, or not finite.
 *
 * @example
 * const honestUpdates = [Float32Array.of(1, 0), Float32Array.of(3, 4)];
 * const context = { parameters: { mimicked: 1 }, numClients: 3, numMalicious: 1, honestUpdates, inputShape: [1, 4, 4], numClasses: 3 };
 * mimic.poisonUpdate(Float32Array.of(9, 9), context, rng); // [3, 4]
 * @source Karimireddy et al. 2022; a fixed client, as in byzfl, where they look for the one of most variance
 */
export const mimic = checkedPoisoning({
  name: "mimic",
  label: "mimic",
  source: "Karimireddy et al. 2022",
  knows: "honest",
  reads: ["mimicked"],
  defaults,
  poisonUpdate(own, context) {
    const { mimicked } = { ...defaults, ...context.parameters };
    const honest = honestOf("mimic", own, context);
    ensure(mimicked in honest, "mimic", `needs mimicked in 0..${honest.length - 1}`, mimicked);
    return honest[mimicked]!.slice();
  },
});
