/** @file The Rényi divergence of one step of the subsampled Gaussian mechanism, by quadrature, for every order above 1. */
import { integrate } from "../../numerics/gaussLegendre";
import { upperTail } from "../../numerics/normal";

/** How a step's batch is drawn, and with it what a neighbour is. */
export type Sampling =
  | "poisson" // every record by itself with probability q; neighbours differ by one record more or less
  | "withoutReplacement"; // a fixed number of records; neighbours differ by one record replaced

/**
 * The Rényi divergence r(a) of one step, an upper bound on that of any two neighbours.
 *
 *     r(a) = log(1 + E[g(rho(z))]) / (a - 1),   rho(z) = 1 - q + q exp((2z - 1) / (2 sigma^2)),  z ~ N(0, sigma^2)
 *     g = h_a(rho)                                     ("poisson"; the expectation of rho^a - 1, since rho has mean 1)
 *     g = (h_a(rho) + h_(1-a)(rho)) [z > 1/2]          ("withoutReplacement")
 *     h_b(rho) = rho^b - 1 - b (rho - 1) >= 0
 *     r(a) = a / (2 sigma^2)                           (q = 1, and never more)
 *
 * Every integrand is positive, so however small r(a) is, no digit of it is lost to a difference from 1.
 *
 * @param order a > 1, at most 1e9 sigma where that is above 2
 * @param q sampling rate in (0, 1]
 * @param sigma noise multiplier > 0
 * @param sampling how the batch is drawn
 * @returns r(a) >= 0, within 1e-12 of itself for sigma from 1e-3 to 1e5 (checked); below sigma = 1e-6 that of q = 1, at most
 *   2 sigma^2 log(1/q) of itself above
 * @example
 * divergenceOf(2, 1, 2, "poisson"); // 0.2500; a / (2 sigma^2)
 * 1e16 * divergenceOf(2, 1e-8, 1, "poisson"); // 1.718; log(1 + q^2 (e - 1))
 * @source Mironov, Talwar and Zhang 2019 (Poisson). Without replacement: for alpha = 1 + q (alpha' - 1) >= 1, Balle, Barthe and
 * Gaboardi 2018 (theorems 2 and 9) bound the hockey-stick divergence of both neighbours' outputs by q H_alpha'(N(1), N(0)), which is
 * H_alpha((1 - q) N(0) + q N(1), N(0)); for alpha < 1 it follows from the swapped pair. The divergence is the integral of these
 * over alpha, with weight a (a - 1) alpha^(a - 2), which is the expectation above
 */
export function divergenceOf(order: number, q: number, sigma: number, sampling: Sampling): number {
  const whole = order / (2 * sigma ** 2);
  if (q === 1 || sigma < 1e-6) return whole;
  const isHalf = sampling === "withoutReplacement";
  const log = logExcess(order, q, sigma, {
    orders: isHalf ? [order, 1 - order] : [order],
    from: isHalf ? 1 / 2 : -Infinity,
  });
  return Math.min(whole, log1pExp(log) / (order - 1));
}

/**
 * What is left of divergenceOf of a step where one outcome in so many is given up, in either direction.
 *
 *     r'(a) = log(1 + x) / (a - 1),   P(z > z0) = lost under (1 - q) N(0) + q N(1)
 *     x = max(E[h_a(rho); z <= z0], E[h_(1-a)(rho)])                         ("poisson")
 *     x = E[h_a(rho); 1/2 < z <= z0] + E[h_(1-a)(rho); z > 1/2]              ("withoutReplacement")
 *
 * A step's likelihood ratio is large in outcomes that hardly ever come: they make r(a) explode at orders of a few sigma^2 log(1/q), and
 * with them the bound on epsilon. On the other outcomes E[rho^a] is at most 1 + E[h_a(rho); z <= z0], since rho > 1 beyond z0. The
 * conversion to (epsilon, delta) holds for measures of less than 1, and what is given up is added to delta.
 *
 * @param order a > 1
 * @param q sampling rate in (0, 1)
 * @param sigma noise multiplier > 0
 * @param sampling how the batch is drawn
 * @param lost the probability that is given up in a step, in (0, 1/2)
 * @returns r'(a), at most divergenceOf(a, q, sigma, sampling)
 * @example
 * truncatedDivergenceOf(100, 1e-8, 1, "poisson", 1e-13) < 1e-12; // true; divergenceOf is 31.4 there
 * @source our derivation; Canonne, Kamath and Steinke 2020 (whose conversion is an inequality for each outcome). Without replacement the
 *   bound on the hockey-stick divergence is that of one pair of outputs (Zhu, Dong and Wang 2022), whose likelihood ratios above 1 are rho
 */
export function truncatedDivergenceOf(
  order: number,
  q: number,
  sigma: number,
  sampling: Sampling,
  lost: number,
): number {
  if (sigma < 1e-6) return order / (2 * sigma ** 2);
  const to = truncation(q, sigma, lost);
  const isHalf = sampling === "withoutReplacement";
  const from = isHalf ? 1 / 2 : -Infinity;
  const [forth, back] = [
    logExcess(order, q, sigma, { orders: [order], from, to }),
    logExcess(order, q, sigma, { orders: [1 - order], from }),
  ];
  const excess = isHalf ? logAdd(forth, back) : Math.max(forth, back);
  return Math.min(order / (2 * sigma ** 2), log1pExp(excess) / (order - 1));
}

/** z0 with (1 - q) Phi(-z0 / sigma) + q Phi(-(z0 - 1) / sigma) = lost, from above; at least 1/2. */
function truncation(q: number, sigma: number, lost: number): number {
  const beyond = (z: number): number => (1 - q) * upperTail(z / sigma) + q * upperTail((z - 1) / sigma);
  let [low, high] = [1 / 2, 1];
  while (beyond(high) > lost) high *= 2;
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (beyond(middle) > lost) low = middle;
    else high = middle;
  }
  return high;
}

/** log(1 + e^x) */
function log1pExp(x: number): number {
  return x > 0 ? x + Math.log1p(Math.exp(-x)) : Math.log1p(Math.exp(x));
}

/**
 * log of the sum over orders b of E[h_b(rho)], over u = z / sigma, for z between from and to.
 *
 * The logarithm phi of the integrand bends downwards no faster than -u^2 / 2, but at a corner of width sigma where both parts of
 * rho are equal: there is nothing narrow to miss, once its hills are found. They are climbed from 0, from the corner, and from
 * 2 / sigma and a / sigma, where they would be if g were rho^2 or rho^a.
 */
function logExcess(
  order: number,
  q: number,
  sigma: number,
  limits: { readonly orders: readonly number[]; readonly from?: number; readonly to?: number },
): number {
  const [from, to] = [(limits.from ?? -Infinity) / sigma, (limits.to ?? Infinity) / sigma];
  const phi = (u: number): number => {
    if (u < from || u > to) return -Infinity;
    const y = u / sigma - 1 / (2 * sigma ** 2);
    return limits.orders.map((b) => logBregman(b, q, y)).reduce(logAdd) - u ** 2 / 2;
  };
  const corner = sigma * (Math.log1p(-q) - Math.log(q)) + 1 / (2 * sigma);
  const starts = [0, corner, 2 / sigma, order / sigma].map((u) => Math.min(Math.max(u, from + 1), to));
  const hills = starts.map((u) => climb(phi, u));
  const top = Math.max(...hills.map(phi));
  const windows = hills.map((u) => widen(phi, u, top)).sort((a, b) => a[0] - b[0]);
  // Finer towards the corner, and towards an end at which the integrand may fall by e within sigma / a.
  const cuts = [
    ...towards(corner, sigma),
    ...(to < Infinity ? towards(to, sigma / Math.max(...limits.orders.map(Math.abs))) : []),
  ];
  let total = 0;
  let reached = from;
  for (const [left, right] of windows) {
    for (const [a, b] of panels(Math.max(left, reached), Math.min(right, to), cuts)) {
      total += integrate((u) => Math.exp(phi(u) - top), a, b - a);
    }
    reached = Math.max(reached, right);
  }
  return top + Math.log(total) - Math.log(2 * Math.PI) / 2;
}

/** Uphill by steps that double while they go up, then halve, to within 1 of a hill's top. */
function climb(phi: (u: number) => number, start: number): number {
  let u = start;
  const direction = phi(u + 1) > phi(u) ? 1 : -1;
  let step = direction;
  while (phi(u + step) > phi(u)) {
    u += step;
    step *= 2;
  }
  for (; Math.abs(step) >= 1; step /= 2) {
    for (const to of [u - step, u + step]) if (phi(to) > phi(u)) u = to;
  }
  return u;
}

/** At least 10 about a hill, and further out until what is left is below e^-40 of the highest. */
function widen(phi: (u: number) => number, hill: number, top: number): [left: number, right: number] {
  let [left, right] = [hill - 10, hill + 10];
  while (phi(left) > top - 40) left -= 1;
  while (phi(right) > top - 40) right += 1;
  return [left, right];
}

/** Points that come nearer to one by halves, from 1 away to so little. */
function towards(point: number, least: number): number[] {
  const cuts = [point];
  for (let away = least; away < 1; away *= 2) cuts.push(point - away, point + away);
  return cuts;
}

/** An interval cut at points, and into pieces of at most 1. */
function panels(from: number, to: number, cuts: readonly number[]): [number, number][] {
  const ends = [from, ...cuts.filter((u) => u > from && u < to).sort((a, b) => a - b), to];
  return ends.slice(1).flatMap((end, i) => {
    const begin = ends[i]!;
    const count = Math.max(0, Math.ceil(end - begin));
    const at = (k: number): number => begin + ((end - begin) * k) / count;
    return Array.from({ length: count }, (_, k): [number, number] => [at(k), at(k + 1)]);
  });
}

/** log h_b(rho) for b above 1 or below 0, rho = 1 + q (e^y - 1); below 0 for y >= 0 alone. */
function logBregman(b: number, q: number, y: number): number {
  const d = q * Math.expm1(y);
  if (Math.abs(d) * Math.max(1, Math.abs(b)) < 0.3) return logSeries(b, d);
  const l = y < 30 ? Math.log1p(d) : logAdd(Math.log1p(-q), Math.log(q) + y); // log rho
  if (b < 0 && b * l > 600) return b * l + Math.log1p(-(1 + b * d) * Math.exp(-b * l));
  if (b < 0) return l > 600 ? Math.log(-b) + l : Math.log(Math.expm1(b * l) - b * d);
  // Below order 2 rho^b and b rho are close however large rho is: rho (rho^(b-1) - b) + b - 1.
  if (b < 2 && (b - 1) * l < 700) return l + Math.log(Math.expm1((b - 1) * l) + (b - 1) * Math.expm1(-l));
  if (b * l < 700) return Math.log(Math.expm1(b * l) - b * d);
  return b * l + Math.log1p(-Math.exp(-b * l) + b * Math.expm1(-l) * Math.exp(-(b - 1) * l));
}

/** log of the sum over k >= 2 of C(b, k) d^k, for |d| and |b d| below 0.3. */
function logSeries(b: number, d: number): number {
  let [term, sum] = [1, 1]; // of C(b, 2) d^2
  for (let k = 3; Math.abs(term) > 1e-17; k++) sum += term *= ((b - k + 1) / k) * d;
  return Math.log(b * (b - 1)) - Math.LN2 + 2 * Math.log(Math.abs(d)) + Math.log(sum);
}

/** log(e^a + e^b). */
function logAdd(a: number, b: number): number {
  const most = Math.max(a, b);
  return most === -Infinity ? most : most + Math.log1p(Math.exp(-Math.abs(a - b)));
}
