/** @file The theorem on a network's runs: its constants fitted on half of the seeds, and counted how often the other half breaks them. */
import { ensure } from "../core/errors";
import { expectedDispersion, reconstructionBound } from "../theory/bound";
import { leastLoss, lipschitzOf, plConstantOf, type InversionPair } from "../theory/constants";
import { squaredDistance } from "../theory/vectors";
import type { GradientRound } from "./gradients";
import type { GradientStudy } from "./studies";
import type { LeakageStudy } from "./studies";

/** What the theorem takes as given, as the broadcasts of some seeds show it. */
export interface FittedConstants {
  /** L, the largest seen. */
  readonly smoothness: number;
  /** μ, the smallest. */
  readonly plConstant: number;
  /** σ^2, the largest client's at its largest. */
  readonly samplingVariance: number;
  /** ζ^2, the largest. */
  readonly heterogeneity: number;
  /** L_R, the largest; 0 where all contributors' gradients are the observed one. */
  readonly lipschitz: number;
  /** ε0^2, the largest mean over contributors; squared, summed over pixels. */
  readonly squaredInversionError: number;
}

/** A broadcast with what was reconstructed from it; of the contributors among the attacker's peers. */
export interface Observation extends GradientRound {
  /** Δ^(k) = F - F*. */
  readonly gap: number;
  /** |K|, contributors among the peers. */
  readonly contributors: number;
  /** R(gbar) beside R(g_i). */
  readonly pairs: readonly InversionPair[];
  /** Mean of ||R(g_i) - x_i||^2. */
  readonly squaredInversionError: number;
  /** Mean of ||R(gbar) - x_i||^2: what the theorem bounds. */
  readonly error: number;
  /** The same of the best guess without a gradient. */
  readonly floor: number;
}

/** An assumption on seeds that it was not fitted on. */
export interface AssumptionTest {
  /** Of the theorem; "line (6)" is the bound itself. */
  readonly assumption: "A1" | "A2" | "A3" | "A4" | "line (6)";
  /** ε₀ and the bound as RMSE, pixels in [0, 1]. */
  readonly constant: "L" | "μ" | "σ²" | "ζ²" | "L_R" | "ε₀" | "RMSE";
  /** Mean of the two halves' constants; of line (6) the mean RMSE that it allows. */
  readonly fitted: number;
  /** Mean over what was tested. */
  readonly measured: number;
  /** Rounds, or pairs of inversions. */
  readonly tested: number;
  /** How many of those broke it. */
  readonly broken: number;
}

/**
 * Puts the broadcasts of a setting beside what was reconstructed from them, seed by seed.
 *
 * F* is the least loss of the seed's long run and of its own, so no gap is below 0. Rounds in which only the attacker is in the
 * aggregate, or of the least loss itself, are left out: of them the theorem does not speak.
 *
 * @param gradients measured with an attack
 * @param leaks of the same federation and seeds, probed with one image per client in the same rounds at least
 * @param long losses of a long run without defense [seeds][rounds], on the same F
 * @returns [seeds][rounds]
 * @throws InputError when seeds differ, or a round was not probed
 * @example
 * observations({ runs: [], sources: [] }, { runs: [], sources: [] }, []); // []
 */
export function observations(
  gradients: GradientStudy,
  leaks: LeakageStudy,
  long: readonly (readonly number[])[],
): Observation[][] {
  const fn = "observations";
  const seeds = (runs: readonly { readonly seed: number }[]): string => runs.map(({ seed }) => seed).join(", ");
  ensure(seeds(gradients.runs) === seeds(leaks.runs) && long.length === gradients.runs.length, fn, `needs seeds ${seeds(gradients.runs)} of all`, seeds(leaks.runs)); // prettier-ignore
  return gradients.runs.map(({ rounds }, s) => {
    const least = leastLoss([long[s]!, rounds.map(({ loss }) => loss)]);
    return rounds.flatMap((round): Observation[] => {
      const leak = leaks.runs[s]!.probe.find((probed) => probed.round === round.round);
      if (leak === undefined) ensure(false, fn, `needs round ${round.round} probed`, leaks.runs[s]!.probe.map((probed) => probed.round)); // prettier-ignore
      const inside = round.peers.flatMap(({ contributed }, i) => (contributed ? [i] : []));
      const gap = round.loss - least;
      if (inside.length === 0 || gap <= 0) return [];
      const pixels = leak!.privateImages.length / leak!.labels.length;
      const imageOf = (images: Float32Array, i: number): Float32Array => images.subarray(i * pixels, (i + 1) * pixels);
      const meanOf = (value: (i: number) => number): number => inside.reduce((sum, i) => sum + value(i) / inside.length, 0); // prettier-ignore
      return [
        {
          ...round,
          gap,
          contributors: inside.length,
          pairs: inside.map((i) => ({
            errorNorm: Math.sqrt(squaredDistance(imageOf(leak!.reconstructions, i), round.peers[i]!.image)),
            gradientDistance: apart(round.peers[i]!.gradientDistance, round.gradientNorm),
            gradientNorm: round.gradientNorm,
          })),
          squaredInversionError: meanOf((i) => pixels * round.peers[i]!.rmse ** 2),
          error: meanOf((i) => pixels * leak!.perImage[i]! ** 2),
          floor: meanOf((i) => pixels * leak!.perImageFloor[i]! ** 2),
        },
      ];
    });
  });
}

/**
 * The theorem's constants as some observations show them: the largest L, σ^2, ζ^2, L_R and ε0, the smallest μ.
 *
 * @param seen at least one
 * @returns see FittedConstants
 * @throws InputError when there is none
 * @example
 * fitConstants([]); // throws "fitConstants: needs at least one observation, got 0"
 * @source our derivation, assumptions A1 to A4
 */
export function fitConstants(seen: readonly Observation[]): FittedConstants {
  ensure(seen.length >= 1, "fitConstants", "needs at least one observation", seen.length);
  const largest = (value: (one: Observation) => number): number => Math.max(...seen.map(value));
  const pairs = seen.flatMap((one) => one.pairs);
  return {
    smoothness: largest(({ smoothness }) => smoothness),
    plConstant: plConstantOf(seen.map(({ gradientNorm }) => gradientNorm ** 2), seen.map(({ gap }) => gap)), // prettier-ignore
    samplingVariance: largest(({ noise }) => noise.largestVariance),
    heterogeneity: largest(({ noise }) => Math.max(0, noise.heterogeneity)),
    lipschitz: pairs.some(({ gradientDistance }) => gradientDistance > 0) ? lipschitzOf(pairs) : 0,
    squaredInversionError: largest(({ squaredInversionError }) => squaredInversionError),
  };
}

/** Broadcasts are float32, so the gradient of a lone contributor differs from the observed one by rounding. */
function apart(distance: number, gradientNorm: number): number {
  return distance > 1e-4 * gradientNorm ? distance : 0;
}

/**
 * Fits the constants on every other seed and counts how often the rest breaks them, then the other way round.
 *
 * Line (6) is tested with all constants from the other half, Δ of the round itself, and M_eff = |K|. A pair of equal gradients
 * breaks A4 where its inversions differ by more than a hundredth in a pixel: then what is recovered is no function of the gradient.
 *
 * @param seeds observations of at least two seeds, see observations
 * @param options pixels of an image; noiseVariance: d s^2 of the clients' DP noise, default 0
 * @returns A1 to A4, and line (6)
 * @throws InputError when there are fewer than two seeds with observations in a half
 * @example
 * testAssumptions([[]], { pixels: 784 }); // throws "testAssumptions: needs observations in both halves of the seeds, got 0 and 0"
 * @source our derivation, assumptions A1 to A4 and line (6)
 */
export function testAssumptions(
  seeds: readonly (readonly Observation[])[],
  { pixels, noiseVariance = 0 }: { pixels: number; noiseVariance?: number },
): AssumptionTest[] {
  const half = (parity: number): Observation[] => seeds.flatMap((seen, s) => (s % 2 === parity ? seen : []));
  const halves = [half(0), half(1)] as const;
  const sizes = halves.map(({ length }) => length);
  ensure(sizes.every((size) => size > 0), "testAssumptions", "needs observations in both halves of the seeds", sizes.join(" and ")); // prettier-ignore
  const folds = [0, 1].map((h) => ({ constants: fitConstants(halves[1 - h]!), tested: halves[h]! }));
  const rmseOf = (squares: number): number => Math.sqrt(squares / pixels);

  const row = (
    assumption: AssumptionTest["assumption"],
    constant: AssumptionTest["constant"],
    limit: (constants: FittedConstants, one: Observation) => number,
    measure: (one: Observation) => readonly number[],
    isBroken = (value: number, most: number): boolean => value > most,
  ): AssumptionTest => {
    const cases = folds.flatMap(({ constants, tested }) => tested.flatMap((one) => measure(one).map((value) => ({ value, most: limit(constants, one) })))); // prettier-ignore
    const mean = (of: "value" | "most"): number => cases.reduce((sum, each) => sum + each[of] / cases.length, 0);
    const broken = cases.filter(({ value, most }) => isBroken(value, most)).length;
    return { assumption, constant, fitted: mean("most"), measured: mean("value"), tested: cases.length, broken };
  };
  const boundOf = (constants: FittedConstants, { gap, contributors }: Observation): number => {
    const { plConstant, lipschitz, samplingVariance, heterogeneity, squaredInversionError } = constants;
    const clean = { samplingStd: Math.sqrt(samplingVariance), heterogeneity: Math.sqrt(heterogeneity) };
    const one = contributors === 1 ? { ...clean, heterogeneity: 0 } : clean; // ζ_K of one client
    const dispersion =
      expectedDispersion({ ...one, effectiveParticipants: contributors }) + noiseVariance / contributors;
    const inversionError = Math.sqrt(squaredInversionError);
    if (lipschitz === 0) return rmseOf(squaredInversionError);
    return rmseOf(reconstructionBound({ objectiveGap: gap, plConstant, lipschitz, inversionError, dispersion }));
  };
  // In the unit of L_R; equal gradients whose inversions are equal too have 0.
  const stretches = ({ pairs }: Observation): number[] =>
    pairs.flatMap(({ errorNorm, gradientDistance, gradientNorm }) => {
      if (gradientDistance > 0) return [(errorNorm * gradientNorm) / gradientDistance];
      return rmseOf(errorNorm ** 2) > 0.01 ? [Infinity] : [0];
    });
  return [
    row("A1", "L", ({ smoothness }) => smoothness, ({ smoothness }) => [smoothness]), // prettier-ignore
    row("A2", "μ", ({ plConstant }) => plConstant, ({ gradientNorm, gap }) => [gradientNorm ** 2 / (2 * gap)], (value, least) => value < least), // prettier-ignore
    row(
      "A3",
      "σ²",
      ({ samplingVariance }) => samplingVariance,
      ({ noise }) => [noise.largestVariance],
    ),
    row(
      "A3",
      "ζ²",
      ({ heterogeneity }) => heterogeneity,
      ({ noise }) => [noise.heterogeneity],
    ),
    row("A4", "L_R", ({ lipschitz }) => lipschitz, stretches),
    row("A4", "ε₀", ({ squaredInversionError }) => rmseOf(squaredInversionError), (one) => [rmseOf(one.squaredInversionError)]), // prettier-ignore
    row("line (6)", "RMSE", boundOf, ({ error }) => [rmseOf(error)]),
  ];
}
