/** @file One round of progress: the lemma, and what each rule and poisoning puts into it. Lines are those of notebook 07_theorem_1. */
import { ensure, ensureCount } from "../core/errors";
import { combine, dot, plus, squaredDistance, squaredNorm, type Vector } from "./vectors";

/** The law of an aggregate u, as far as the lemma needs it: E u = ρ grad F + b, E||u - E u||^2 <= v. */
export interface AggregateLaw {
  readonly rho: number; // ρ
  readonly bias: Vector; // b [d]
  readonly variance: number; // v >= 0, over the whole vector
}

/** Assumption A3 at the broadcast model: what client m sends is grad F + b_m + noise of E||n_m||^2 <= σ^2. */
export interface Clients {
  readonly biases: readonly Vector[]; // b_m [M][d], sum 0
  readonly samplingStd: number; // σ >= 0
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
  const away = combine(malicious.map((a) => clients.biases[a]!)); // mean over C
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
 * Krum looks at the noise, so that its choice is no fixed client: see krumSpread.
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
  const mean = combine(means);
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
 * The variance of the median of n independent standard normals, by numerical integration.
 *
 * @param n how many, an integer of 1..1000; for even n the median is the mean of the middle two
 * @returns the variance, to six digits; at most π/(2 n), and that for large n
 * @throws InputError when n is no integer of 1..1000
 * @example
 * medianVariance(3); // 0.44867; 1 - sqrt(3)/π; the mean has a third
 * @source density of order statistics, e.g. David and Nagaraja 2003, Order Statistics, chapter 2
 */
export function medianVariance(n: number): number {
  ensureCount("medianVariance", "n", n);
  ensure(n <= 1000, "medianVariance", "needs n <= 1000", n, "use π/(2 n)");
  const step = 1 / 400;
  const grid = Array.from({ length: 16 / step + 1 }, (_, i) => -8 + i * step);
  const phi = grid.map((x) => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI));
  const below: number[] = [0]; // the normal distribution function, by the trapezoid rule
  for (let i = 1; i < grid.length; i++) below.push(below[i - 1]! + (step * (phi[i - 1]! + phi[i]!)) / 2);
  const k = Math.floor((n - 1) / 2); // values certainly below the median, and as many above
  const under = (i: number): number => (2 * below[i]!) ** k * phi[i]!;
  const over = (i: number): number => (2 * below[grid.length - 1 - i]!) ** k;
  let [mass, second] = [0, 0];
  if (n % 2 === 1) {
    grid.forEach((x, i) => {
      const density = under(i) * over(i);
      mass += density;
      second += density * x * x;
    });
    return second / mass;
  }
  // Middle pair x < y with density under(x) over(y) phi(y): moments of y are summed from the right as x moves left.
  let [zeroth, first, squares] = [0, 0, 0];
  for (let i = grid.length - 1; i >= 0; i--) {
    const x = grid[i]!;
    const density = over(i) * phi[i]!;
    const half = density / 2; // the diagonal belongs half to y > x
    const [m0, m1, m2] = [zeroth + half, first + half * x, squares + half * x * x];
    mass += under(i) * m0;
    second += (under(i) * (x * x * m0 + 2 * x * m1 + m2)) / 4;
    [zeroth, first, squares] = [zeroth + density, first + density * x, squares + density * x * x];
  }
  return second / mass;
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
  const bias = combine(aggregates.map((a) => a.bias));
  const squares = aggregates.map((a) => a.variance + squaredDistance(a.bias, bias));
  return { rho, bias, variance: squares.reduce((sum, value) => sum + value, 0) / aggregates.length };
}

/** What the lemma needs of the round. */
export interface RoundTerms {
  readonly objectiveGap: number; // Δ >= 0
  readonly plConstant: number; // μ > 0
  readonly smoothness: number; // L >= μ
  readonly learningRate: number; // η > 0
}

/**
 * The lemma: the expected gap after a round, from above.
 *
 *     b = 0   E Δ+ <= (1 - 2 μ η ρ (1 - L η ρ / 2)) Δ + L η^2 v / 2              0 < ρ <= 2/(L η)
 *     else    E Δ+ <= (1 - μ η ρ) Δ + η ||b||^2 / (2 ρ) + L η^2 v / 2            0 < ρ <= 1/(L η)
 *
 * @param aggregate ρ, b, v
 * @param terms see RoundTerms
 * @returns the bound on E Δ^(k+1) given w^(k)
 * @throws InputError when a constant is out of range, ρ <= 0 (no progress: see progressFloor), or η is too large for ρ
 * @example
 * const terms = { objectiveGap: 8, plConstant: 1, smoothness: 2, learningRate: 0.5 };
 * progressBound({ rho: 1, bias: [0], variance: 4 }, terms); // 5; 8/2 + 1
 * progressBound({ rho: 0.5, bias: [1], variance: 4 }, terms); // 7.5; 6 + 0.5 + 1
 * @source our derivation, lines (16) and (17)
 */
export function progressBound(aggregate: AggregateLaw, terms: RoundTerms): number {
  const fn = "progressBound";
  ensureRound(fn, terms);
  const { rho, bias, variance } = aggregate;
  const { objectiveGap, plConstant, smoothness, learningRate } = terms;
  ensure(rho > 0, fn, "needs ρ > 0", rho, "with ρ <= 0 there is no progress: see progressFloor");
  const noise = (smoothness * learningRate ** 2 * variance) / 2;
  const size = squaredNorm(bias);
  const most = (size === 0 ? 2 : 1) / smoothness;
  ensure(learningRate * rho <= most * (1 + 1e-12), fn, `needs η ρ <= ${size === 0 ? 2 : 1}/L`, `η ρ = ${learningRate * rho}, L = ${smoothness}`, "use a smaller learning rate"); // prettier-ignore
  if (size === 0) {
    const shrink = 2 * plConstant * learningRate * rho * (1 - (smoothness * learningRate * rho) / 2);
    return (1 - shrink) * objectiveGap + noise;
  }
  return (1 - plConstant * learningRate * rho) * objectiveGap + (learningRate * size) / (2 * rho) + noise;
}

/**
 * The lemma from below, for μ-strongly convex F and b = 0: without it a slow bound is no slow run.
 *
 *     0 <= ρ <= 2/(μ η)   E Δ+ >= max(0, 1 - 2 L η ρ (1 - μ η ρ / 2)) Δ + μ η^2 v / 2
 *     else                E Δ+ >= (1 - μ η ρ)^2 Δ + μ η^2 v / 2
 *
 * For ρ < 0, as under sign flipping with κ > M - 1, the second says ascent: the gap grows by (1 + μ η |ρ|)^2 at least.
 *
 * @param aggregate ρ of any sign, b = 0, and v exact, not an upper bound
 * @param terms see RoundTerms
 * @returns the bound on E Δ^(k+1) given w^(k)
 * @throws InputError when a constant is out of range, or b is not 0
 * @example
 * const terms = { objectiveGap: 8, plConstant: 1, smoothness: 2, learningRate: 0.5 };
 * progressFloor({ rho: -2, bias: [0], variance: 0 }, terms); // 32; (1 + 1)^2 8
 * @source our derivation, line (20)
 */
export function progressFloor({ rho, bias, variance }: AggregateLaw, terms: RoundTerms): number {
  const fn = "progressFloor";
  ensureRound(fn, terms);
  const { objectiveGap, plConstant, smoothness, learningRate } = terms;
  ensure(squaredNorm(bias) === 0, fn, "needs b = 0", [...bias], "average over who is malicious: see mixture");
  const step = learningRate * rho;
  const isDescent = step >= 0 && step <= 2 / plConstant;
  const kept = isDescent
    ? Math.max(0, 1 - 2 * smoothness * step * (1 - (plConstant * step) / 2))
    : (1 - plConstant * step) ** 2;
  return kept * objectiveGap + (plConstant * learningRate ** 2 * variance) / 2;
}

/**
 * The lemma along one path: whatever the rule does, a step by u with that squared error.
 *
 *     Δ+ <= (1 - μ η) Δ + η ||u - grad F||^2 / 2        η <= 1/L
 *
 * Holds for every draw, so also for rules that look at the noise; E on both sides gives their row.
 *
 * @param squaredError ||u - grad F||^2, or its expectation
 * @param terms see RoundTerms
 * @returns the bound on Δ^(k+1), or on its expectation
 * @throws InputError when a constant is out of range, the error is negative, or η > 1/L
 * @example
 * pathwiseBound(4, { objectiveGap: 8, plConstant: 1, smoothness: 2, learningRate: 0.5 }); // 5
 * @source our derivation, line (19)
 */
export function pathwiseBound(squaredError: number, terms: RoundTerms): number {
  const fn = "pathwiseBound";
  ensureRound(fn, terms);
  const { objectiveGap, plConstant, smoothness, learningRate } = terms;
  ensure(squaredError >= 0 && Number.isFinite(squaredError), fn, "needs a finite squared error >= 0", squaredError);
  ensure(learningRate * smoothness <= 1 + 1e-12, fn, "needs η <= 1/L", `η = ${learningRate}, L = ${smoothness}`);
  return (1 - plConstant * learningRate) * objectiveGap + (learningRate * squaredError) / 2;
}

/**
 * How far the coordinate-wise median can lie from the honest mean: ||u - gbar_H||^2 <= n / (n - 2f) V_H.
 *
 * In each coordinate at least n/2 - f of the n - f honest values lie on the far side of the median, so that Cantelli's
 * inequality bounds its distance from their mean in their variance. At f = 0: no farther than one standard deviation.
 *
 * @param numClients n
 * @param malicious f, how many updates are arbitrary, 0 <= f < n/2
 * @returns n / (n - 2f)
 * @throws InputError when n is no integer >= 1, or f is not in 0..n/2
 * @example
 * medianSpread(10, 2); // 1.667
 * @source our derivation, line (21)
 */
export function medianSpread(numClients: number, malicious: number): number {
  ensureCount("medianSpread", "numClients", numClients);
  ensureCount("medianSpread", "malicious", malicious, 0);
  ensure(2 * malicious < numClients, "medianSpread", "needs 2f < n", `n = ${numClients}, f = ${malicious}`);
  return numClients / (numClients - 2 * malicious);
}

/**
 * How far Krum's choice can lie from the honest mean: ||u - gbar_H||^2 <= spread V_H, whatever the f malicious updates are.
 *
 *     spread = (sqrt(2 h k / ((h - 1) (k - f))) + sqrt((h - (k - f)) / (k - f)))^2        h = n - f,  k = n - f - 2
 *
 * The score of the choice is at most the mean score of the honest; k - f of its neighbours at least are honest themselves.
 *
 * @param numClients n >= 2f + 3
 * @param malicious f: assumed by the rule, and at most as many in truth
 * @returns the spread; above 1: Krum's choice need not be near the mean
 * @throws InputError when n < 2f + 3, or a count is no integer
 * @example
 * krumSpread(10, 0); // 3.963; (sqrt(20/9) + sqrt(2/8))^2
 * @source our derivation, line (21); scores over n - f - 2 neighbours as in Blanchard et al. 2017
 */
export function krumSpread(numClients: number, malicious: number): number {
  ensureCount("krumSpread", "numClients", numClients);
  ensureCount("krumSpread", "malicious", malicious, 0);
  ensure(numClients >= 2 * malicious + 3, "krumSpread", "needs n >= 2f + 3", `n = ${numClients}, f = ${malicious}`);
  const honest = numClients - malicious;
  const neighbours = honest - 2;
  const sure = neighbours - malicious; // of them honest at least
  const near = Math.sqrt((2 * honest * neighbours) / ((honest - 1) * sure));
  return (near + Math.sqrt((honest - sure) / sure)) ** 2;
}

/**
 * Expected squared error of a rule of that spread, for pathwiseBound.
 *
 *     E ||u - grad F||^2 <= (sqrt(spread (σ^2 (1 - 1/h) + ζ_H^2)) + sqrt(σ^2/h + ||mean_H b||^2))^2
 *
 * @param spread of the rule, see medianSpread and krumSpread
 * @param honest the honest clients alone: their b_m (around grad F of all) and σ
 * @returns the bound
 * @throws InputError as honestMeanLaw, or when spread is negative
 * @example
 * ruleError(1, { biases: [[0], [0], [0], [0]], samplingStd: 2 }); // 7.464; (sqrt(3) + 1)^2
 * @source our derivation, line (21)
 */
export function ruleError(spread: number, honest: Clients): number {
  const count = countOf("ruleError", honest);
  ensure(spread >= 0 && Number.isFinite(spread), "ruleError", "needs a finite spread >= 0", spread);
  const { biases, samplingStd } = honest;
  const offset = combine(biases);
  const heterogeneity = biases.reduce((sum, b) => sum + squaredDistance(b, offset) / count, 0);
  const dispersion = samplingStd ** 2 * (1 - 1 / count) + heterogeneity;
  return (Math.sqrt(spread * dispersion) + Math.sqrt(samplingStd ** 2 / count + squaredNorm(offset))) ** 2;
}

/**
 * The lemma for a round of FedAvg with τ local steps and drift D (see driftBound).
 *
 *     E Δ+ <= (1 - μ η τ) Δ + η τ (σbar + D)^2 / 2        η τ <= 1/L
 *
 * σbar^2 is the variance of the mean of all gradients at w^(k): σ^2/(M τ) with fresh batches, σ^2/M with one.
 *
 * @param terms see RoundTerms; localSteps τ, drift D, meanVariance σbar^2
 * @returns the bound on E Δ^(k+1) given w^(k)
 * @throws InputError when a term is out of range, or η τ > 1/L
 * @example
 * const terms = { objectiveGap: 8, plConstant: 1, smoothness: 2, learningRate: 0.1 };
 * fedAvgProgress({ ...terms, localSteps: 5, drift: 1, meanVariance: 1 }); // 5; 8/2 + 4/4
 * @source our derivation, line (25)
 */
export function fedAvgProgress(
  terms: RoundTerms & { readonly localSteps: number; readonly drift: number; readonly meanVariance: number },
): number {
  const { localSteps, drift, meanVariance } = terms;
  ensureCount("fedAvgProgress", "localSteps", localSteps);
  ensure(drift >= 0 && meanVariance >= 0, "fedAvgProgress", "needs drift and meanVariance >= 0", `${drift}, ${meanVariance}`); // prettier-ignore
  const squaredError = (Math.sqrt(meanVariance) + drift) ** 2;
  return pathwiseBound(squaredError, { ...terms, learningRate: terms.learningRate * localSteps });
}

function countOf(fn: string, { biases, samplingStd }: Clients, indices: readonly number[] = []): number {
  const count = biases.length;
  ensure(count >= 1, fn, "needs at least one client", 0);
  ensure(samplingStd >= 0 && Number.isFinite(samplingStd), fn, "needs a finite samplingStd >= 0", samplingStd);
  const isFine = indices.every((i) => Number.isInteger(i) && i >= 0 && i < count) && new Set(indices).size === indices.length; // prettier-ignore
  ensure(isFine, fn, `needs different clients of 0..${count - 1}`, [...indices]);
  return count;
}

function ensureRound(fn: string, { objectiveGap, plConstant, smoothness, learningRate }: RoundTerms): void {
  ensure(objectiveGap >= 0 && Number.isFinite(objectiveGap), fn, "needs a finite objectiveGap >= 0", objectiveGap);
  ensure(plConstant > 0, fn, "needs plConstant (μ) > 0", plConstant);
  ensure(smoothness >= plConstant * (1 - 1e-9) && Number.isFinite(smoothness), fn, "needs smoothness (L) >= μ", smoothness); // prettier-ignore
  ensure(learningRate > 0 && Number.isFinite(learningRate), fn, "needs a finite learningRate > 0", learningRate);
}
