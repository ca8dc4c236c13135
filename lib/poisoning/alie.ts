/** @file ALIE: a little is enough. */
import { jStat } from "jstat";
import { ensure } from "../core/errors";
import { honestOf, meanOf, stdOf } from "./honest";
import { checkedPoisoning, signOf, type PoisoningContext, type PoisoningParameters } from "./poisoning";

/** What the rule does where its parameters are left out; the paper says "default parameters" and states none: our choice. */
const defaults = {
  direction: "plus", // as the paper of the rule, byzfl and Blades; the first author's public code subtracts
} as const satisfies PoisoningParameters;

/**
 * Shifts every coordinate by as many standard deviations as still leave the poisoned value among the honest ones ("a little is
 * enough").
 *
 * poisoned = mean(honestUpdates) ± z std(honestUpdates), with n - 1 in std
 *
 * Both signs exist: plus (the default) in the paper of the rule, byzfl and Blades, minus in the first author's public code.
 * Knows the honest updates; several malicious clients send the same. Reads scale (z, any finite number, default alieScale) and
 * direction. It throws an InputError when z is not finite, the direction is neither, or honestUpdates are fewer than 2, of
 * another length, or not finite.
 *
 * @example
 * const honestUpdates = [Float32Array.of(1, 0), Float32Array.of(3, 0)];
 * const context = { parameters: { scale: 2 }, numClients: 3, numMalicious: 1, honestUpdates, inputShape: [1, 4, 4], numClasses: 3 };
 * alie.poisonUpdate(Float32Array.of(9, 9), context, rng); // [4.8284, 0]; 2 + 2 sqrt(2)
 * @source Baruch et al. 2019, "A little is enough"
 */
export const alie = checkedPoisoning({
  name: "alie",
  label: "ALIE",
  source: "Baruch et al. 2019",
  knows: "honest",
  reads: ["scale", "direction"],
  defaults,
  poisonUpdate(own, context) {
    const { scale = alieScale(context), direction } = { ...defaults, ...context.parameters };
    ensure(Number.isFinite(scale), "alie", "needs a finite scale", scale);
    const z = signOf("alie", direction) * scale;
    const honest = honestOf("alie", own, context, 2);
    const mean = meanOf(honest);
    const std = stdOf(honest, mean);
    return Float32Array.from(mean, (x, j) => x + z * std[j]!);
  },
});

/**
 * How far alie goes where nothing is said: so far that floor(n/2) - m of the honest clients lie beyond in the mean, who make a
 * majority with the m malicious ones. At our n = 10, m = 1 that is 0.14; one client more, as the paper of the rule asks for, would give
 * -0.14 there, on the wrong side of the mean. Where the malicious need no honest client, as one of three, the published z is infinite:
 * half a client is then to lie beyond, which leaves the poisoned update where honest ones still are (at n = 3, m = 1 that is 0.67,
 * just between the two of them).
 *
 * z = Phi^-1((n - m - s) / (n - m)),  s = max(1/2, floor(n/2) - m),  n = numClients, m = numMalicious
 *
 * @param context of which numClients and numMalicious are read
 * @returns z, in standard deviations
 * @throws InputError unless 1 <= m <= n - 2: a lone honest client has no standard deviation
 * @example
 * alieScale({ numClients: 31, numMalicious: 2 }); // 0.13
 * @source the first author's public code; s = 1/2 where it has none or less is our choice
 */
export function alieScale({
  numClients: n,
  numMalicious: m,
}: Pick<PoisoningContext, "numClients" | "numMalicious">): number {
  const fits = m >= 1 && m <= n - 2;
  ensure(
    fits,
    "alie",
    "needs a malicious client and two honest ones",
    `${m} malicious of ${n}`,
    "take numClients >= 3",
  );
  const supporters = Math.max(1 / 2, Math.floor(n / 2) - m);
  return jStat.normal.inv((n - m - supporters) / (n - m), 0, 1);
}
