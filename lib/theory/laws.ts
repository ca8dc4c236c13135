/** @file What each poisoning and rule makes of the aggregate: the rows of the lemma's table. Lines are those of notebook 07_theorem_1. */
import { ensure, ensureCount } from "../core/errors";
import { countOf, type Clients } from "./clients";
import { medianVariance } from "./medianVariance";
import { combination, dot, plus, squaredDistance, squaredNorm, type Vector } from "./vectors";

/** The law of an aggregate u, as far as the lemma needs it: E u = ρ grad F + b, E||u - E u||^2 <= v. */
export interface AggregateLaw {
  /** ρ, how much of the gradient is in it; see the laws. */
  readonly rho: number;
  /** b [d]. */
  readonly bias: Vector;
  /** v >= 0, over the whole vector. */
  readonly variance: number;
}

/**
 * Row "honest mean": ρ = 1, b = 0, v = σ^2 / M. Heterogeneity does not slow it.
 *
 * @param clients b_m and σ
 * @returns the aggregate's law
 * @throws InputError when there is no client, or σ is negative or not finite
 * @example
 * honestMeanLaw({ biases: [[-2], [2]], samplingStd: 4 }); // { rho: 1, bias: [0], variance: 8 }
 * @source our derivation, line (15), its table
 */
export function honestMeanLaw(clients: Clients): AggregateLaw {
  const numClients = countOf("honestMeanLaw", clients);
  return { rho: 1, bias: clients.biases[0]!.map(() => 0), variance: clients.samplingStd ** 2 / numClients };
}

/**
 * Rows "sign flip" and "colluding sign flippers": the clients C send -κ g.
 *
 *     ρ = (M - c - c κ) / M     b = -(1 + κ) sum_{a in C} b_a / M     v = σ^2 (M - c + c κ^2) / M^2     c = |C|
 *
 * That the colluders each send -κ times their common mean changes nothing. ρ <= 0 from κ = (M - c)/c on (M - 1 for a lone
 * one): no progress, see progressFloor.
 *
 * @param clients b_m and σ
 * @param options scale κ >= 0; malicious: indices of C, default [0]
 * @returns the aggregate's law
 * @throws InputError as honestMeanLaw, when κ is negative or not finite, or an index is no client's or comes twice
 * @example
 * signFlipLaw({ biases: [[-2], [2], [0], [0]], samplingStd: 4 }, { scale: 1 }); // { rho: 0.5, bias: [1], variance: 4 }
 * @source our derivation, line (15), its table; open question 4 of the paper is c > 1
 */
export function signFlipLaw(
  clients: Clients,
  { scale, malicious = [0] }: { scale: number; malicious?: readonly number[] },
): AggregateLaw {
  const numClients = countOf("signFlipLaw", clients, malicious);
  ensure(scale >= 0 && Number.isFinite(scale), "signFlipLaw", "needs a finite scale >= 0", scale);
  const c = malicious.length;
  const away = combination(malicious.map((a) => clients.biases[a]!)); // mean over C
  return {
    rho: (numClients - c - c * scale) / numClients,
    bias: away.map((value) => (-(1 + scale) * c * value) / numClients),
    variance: (clients.samplingStd ** 2 * (numClients - c + c * scale ** 2)) / numClients ** 2,
  };
}

/**
 * Row "Gaussian noise": one client adds noise of standard deviation σ_ζ per coordinate to its honest gradient.
 *
 *     ρ = 1     b = 0     v = σ^2 / M + d σ_ζ^2 / M^2
 *
 * @param clients b_m and σ
 * @param options noiseStd σ_ζ >= 0
 * @returns the aggregate's law
 * @throws InputError as honestMeanLaw, or when σ_ζ is negative or not finite
 * @example
 * addedNoiseLaw({ biases: [[-2, 0], [2, 0]], samplingStd: 4 }, { noiseStd: 2 }); // { rho: 1, bias: [0, 0], variance: 10 }
 * @source our derivation, line (15), its table
 */
export function addedNoiseLaw(clients: Clients, { noiseStd }: { noiseStd: number }): AggregateLaw {
  const honest = honestMeanLaw(clients);
  ensure(noiseStd >= 0 && Number.isFinite(noiseStd), "addedNoiseLaw", "needs a finite noiseStd >= 0", noiseStd);
  const numClients = clients.biases.length;
  return { ...honest, variance: honest.variance + (honest.bias.length * noiseStd ** 2) / numClients ** 2 };
}

/**
 * Row "backdoor": client a sends the gradient of another objective, with as much noise.
 *
 *     ρ = 1     b = (grad F_backdoor - grad F_a) / M     v = σ^2 / M
 *
 * @param clients b_m and σ
 * @param options shift: grad F_backdoor - grad F_a at the broadcast model [d]
 * @returns the aggregate's law
 * @throws InputError as honestMeanLaw
 * @example
 * backdoorLaw({ biases: [[-2], [2]], samplingStd: 4 }, { shift: [6] }); // { rho: 1, bias: [3], variance: 8 }
 * @source our derivation, line (15), its table
 */
export function backdoorLaw(clients: Clients, { shift }: { shift: Vector }): AggregateLaw {
  const honest = honestMeanLaw(clients);
  return { ...honest, bias: shift.map((value) => value / clients.biases.length) };
}

/**
 * A client chosen without looking at the noise, as an oracle or a draw would: ρ = 1, b = b_i, v = σ^2, no averaging.
 *
 * Krum looks at the noise, so its choice is no fixed client: see krumSpread.
 *
 * @param clients b_m and σ
 * @param index i
 * @returns the aggregate's law
 * @throws InputError as honestMeanLaw, or when i is no client
 * @example
 * chosenClientLaw({ biases: [[-2], [2]], samplingStd: 4 }, 1); // { rho: 1, bias: [2], variance: 16 }
 * @source our derivation, line (15), its table
 */
export function chosenClientLaw(clients: Clients, index: number): AggregateLaw {
  countOf("chosenClientLaw", clients, [index]);
  return { rho: 1, bias: clients.biases[index]!, variance: clients.samplingStd ** 2 };
}

/**
 * The mean of m clients chosen blindly, all sets of m equally likely: ρ = 1, b = 0.
 *
 *     v = σ^2 / m + ζ^2 (M - m) / (m (M - 1))        ζ^2 = (1/M) sum_m ||b_m||^2
 *
 * The mixture of all those sets: at m = M the honest mean, at m = 1 one client chosen by lot. A rule that keeps m updates for what
 * they are does not choose blindly: for it this is a yardstick, no law.
 *
 * @param clients ζ^2 heterogeneity and σ^2 samplingVariance, both >= 0, and M numClients
 * @param chosen m, an integer of 1..M
 * @returns v
 * @throws InputError when a variance is negative or not finite, or a count is out of range
 * @example
 * chosenMeanVariance({ samplingVariance: 16, heterogeneity: 4, numClients: 2 }, 1); // 20
 * chosenMeanVariance({ samplingVariance: 16, heterogeneity: 4, numClients: 2 }, 2); // 8
 * @source our derivation, line (18); sampling without replacement, e.g. Cochran 1977, Sampling Techniques, section 2.6
 */
export function chosenMeanVariance(
  clients: { readonly samplingVariance: number; readonly heterogeneity: number; readonly numClients: number },
  chosen: number,
): number {
  const fn = "chosenMeanVariance";
  const { samplingVariance, heterogeneity, numClients } = clients;
  ensureCount(fn, "numClients", numClients);
  ensureCount(fn, "chosen", chosen);
  ensure(chosen <= numClients, fn, `needs at most M = ${numClients} chosen clients`, chosen);
  const isFine = [samplingVariance, heterogeneity].every((value) => value >= 0 && Number.isFinite(value));
  ensure(isFine, fn, "needs finite variances >= 0", [samplingVariance, heterogeneity]);
  const left = chosen === numClients ? 0 : (numClients - chosen) / (chosen * (numClients - 1));
  return samplingVariance / chosen + heterogeneity * left;
}

/**
 * Rows "local DP" and "DP-SGD": every client clips and adds noise of standard deviation s per coordinate.
 *
 *     without clipping   ρ = 1, b = 0                                       v = σ^2 / M + d s^2 / M
 *     with clipping      ρ = <c, grad F> / ||grad F||^2, b = c - ρ grad F   v the same: clipping is a projection, and shrinks it
 *
 * c is the mean over clients of E clip(g_m). Among equal clients ρ <= 1; among different ones clipping may also shorten those who
 * held the mean back, and ρ > 1. s = σ_DP C for local DP, σ_DP C / B for DP-SGD with batches of B.
 *
 * @param clients b_m and σ (before clipping)
 * @param options dpStd s >= 0; clipped: gradient grad F [d], not 0, and means E clip(g_m) [M][d], where clipping acts
 * @returns the aggregate's law
 * @throws InputError as honestMeanLaw, when s is negative or not finite, or grad F is 0
 * @example
 * const clients = { biases: [[-2, 0], [2, 0]], samplingStd: 4 };
 * localDpLaw(clients, { dpStd: 1 }); // { rho: 1, bias: [0, 0], variance: 9 }
 * localDpLaw(clients, { dpStd: 0, clipped: { gradient: [2, 0], means: [[0, 1], [1, 0]] } }); // { rho: 0.25, bias: [0, 0.5], variance: 8 }
 * @source our derivation, line (15), its table
 */
export function localDpLaw(
  clients: Clients,
  options: { dpStd: number; clipped?: { gradient: Vector; means: readonly Vector[] } },
): AggregateLaw {
  const { dpStd, clipped } = options;
  const honest = honestMeanLaw(clients);
  ensure(dpStd >= 0 && Number.isFinite(dpStd), "localDpLaw", "needs a finite dpStd >= 0", dpStd);
  const variance = honest.variance + (honest.bias.length * dpStd ** 2) / clients.biases.length;
  if (clipped === undefined) return { ...honest, variance };
  const { gradient, means } = clipped;
  const size = squaredNorm(gradient);
  ensure(size > 0, "localDpLaw", "needs a gradient other than 0", "0");
  const mean = combination(means);
  const rho = dot(mean, gradient) / size;
  return { rho, bias: plus(mean, -rho, gradient), variance };
}

/**
 * Row "median": the coordinate-wise median of clients whose gradients differ by Gaussian noise alone, independent over coordinates.
 *
 *     ρ = 1     b = 0     v = σ^2 Var(median of M standard normals) <= (π/2) σ^2 / M
 *
 * With heterogeneity the median is biased: see medianSpread.
 *
 * @param clients σ, and biases that are all 0
 * @returns the aggregate's law, exact
 * @throws InputError as honestMeanLaw, or when a bias is not 0
 * @example
 * gaussianMedianLaw({ biases: [[0], [0], [0]], samplingStd: 1 }).variance; // 0.449; the mean has 0.333
 * @source our derivation, line (15), its table
 */
export function gaussianMedianLaw(clients: Clients): AggregateLaw {
  const numClients = countOf("gaussianMedianLaw", clients);
  const isEqual = clients.biases.every((b) => squaredNorm(b) === 0);
  ensure(isEqual, "gaussianMedianLaw", "needs clients of equal gradients", "biases other than 0", "use medianSpread");
  return { rho: 1, bias: clients.biases[0]!, variance: clients.samplingStd ** 2 * medianVariance(numClients) };
}

/**
 * The law of an aggregate drawn from several, all equally likely and of one ρ: bias turns into variance.
 *
 *     b = mean of b_j     v = mean of v_j + mean of ||b_j - b||^2
 *
 * Over which client is malicious, or which one is chosen, the biases cancel and b = 0: the lemma's second form applies, in which
 * they cost L η^2 ||b||^2 / 2 in place of η ||b||^2 / (2 ρ).
 *
 * @param aggregates laws, at least one
 * @returns the law of the mixture
 * @throws InputError when there is none, or their ρ differ
 * @example
 * const clients = { biases: [[-2], [2]], samplingStd: 4 };
 * mixture([chosenClientLaw(clients, 0), chosenClientLaw(clients, 1)]); // { rho: 1, bias: [0], variance: 20 }
 * @source our derivation, line (18)
 */
export function mixture(aggregates: readonly AggregateLaw[]): AggregateLaw {
  ensure(aggregates.length >= 1, "mixture", "needs at least one aggregate", 0);
  const { rho } = aggregates[0]!;
  ensure(aggregates.every((a) => Math.abs(a.rho - rho) <= 1e-12), "mixture", "needs aggregates of one ρ", aggregates.map((a) => a.rho)); // prettier-ignore
  const bias = combination(aggregates.map((a) => a.bias));
  const squares = aggregates.map((a) => a.variance + squaredDistance(a.bias, bias));
  return { rho, bias, variance: squares.reduce((sum, value) => sum + value, 0) / aggregates.length };
}
