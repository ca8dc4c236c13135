import assert from "node:assert/strict";
import { test } from "node:test";
import { createRng } from "../core/rng";
import { dispersionOf, reconstructionBound } from "./bound";
import { checkTheory } from "./check";
import { localStepChecks } from "./checks/localSteps";
import { clippedProgress, clippingOf, localDispersion, unrolledDispersion } from "./fedAvg";
import { fedAvgProgress } from "./progress";
import { combination, normalVector, plus, squaredDistance, type Vector } from "./vectors";

const close = (a: number, b: number, tolerance = 1e-12): void =>
  assert.ok(Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(b)), `${a}, expected ${b}`);

test("clippingOf: equals factors, shares and bias worked by hand", () => {
  // C = 2 of norms 1, 4, 8: λ = 1, 1/2, 1/4, their sum 7/4; M_eff = (7/4)^2 / (1 + 1/4 + 1/16) = 49/21; bias (0 + 2 + 6) / 3.
  const { factors, shrink, shares, effectiveParticipants, biasBound } = clippingOf([1, 4, 8], 2);
  assert.deepEqual(factors, [1, 0.5, 0.25]);
  close(shrink, 7 / 12);
  shares.forEach((share, m) => close(share, [4 / 7, 2 / 7, 1 / 7][m]!));
  close(effectiveParticipants, 49 / 21);
  close(biasBound, 8 / 3);
});

test("clippingOf: leaves everybody alone when nobody is long, and equals them when all are", () => {
  const gentle = clippingOf([0, 1, 2], 2);
  assert.deepEqual([gentle.shrink, gentle.effectiveParticipants, gentle.biasBound], [1, 3, 0]);
  const harsh = clippingOf([10, 10], 1);
  close(harsh.shrink, 0.1);
  close(harsh.effectiveParticipants, 2);
});

test("localDispersion: the noise's part is the mean of draws", () => {
  // Three clients in four dimensions, τ = 2, clipped to different lengths, noise s on the sum: the distance of g / λbar from each
  // victim's gradient, drawn with its share. The mean of 20,000 draws of a sum of squares with a spread of its own size is known to
  // 1 / sqrt(20000) = 0.7 %, three of which are 2 %.
  const rng = createRng("noise");
  const lone: Vector[] = [[3, 0, 0, 0], [0, 1, 0, 1], [0, 0, -2, 0]]; // prettier-ignore
  const [localSteps, dpStd, numClients, dimension] = [2, 3, 3, 4];
  const norms = [6, 2 * Math.SQRT2, 4]; // of u_m = τ g_m: no drift
  const { factors, shares, shrink } = clippingOf(norms, 3);
  const draws = 20_000;
  let mean = 0;
  for (let i = 0; i < draws; i++) {
    const sent = lone.map((g, m) =>
      plus(
        g.map((x) => localSteps * factors[m]! * x),
        dpStd,
        normalVector(4, rng),
      ),
    );
    const observed = combination(sent).map((x) => x / localSteps / shrink);
    mean += lone.reduce((sum, g, m) => sum + shares[m]! * squaredDistance(observed, g), 0) / draws;
  }
  const terms = { dispersion: dispersionOf(lone, shares), drift: 0, dpStd, dimension, numClients, localSteps, shrink };
  close(mean, localDispersion(terms), 0.02);
});

test("localDispersion: once clipping acts its noise does not depend on C", () => {
  const at = (clipNorm: number): number => {
    const { shrink } = clippingOf([5, 7], clipNorm);
    const common = { dispersion: 0, drift: 0, dimension: 10, numClients: 2, localSteps: 3 };
    return localDispersion({ ...common, dpStd: 2 * clipNorm, shrink });
  };
  close(at(1), at(0.01));
  assert.ok(at(100) > 2 * at(1)); // where it does not act, larger C is more noise
});

test("clippedProgress: is fedAvgProgress without clipping and noise", () => {
  const terms = { objectiveGap: 3, plConstant: 0.5, smoothness: 2, learningRate: 0.05, localSteps: 4, drift: 0.3 };
  const rest = { meanVariance: 0.2, clippingBias: 0, noiseVariance: 0 };
  close(clippedProgress({ ...terms, ...rest }), fedAvgProgress({ ...terms, meanVariance: 0.2 }));
});

test("localStepChecks: no line is violated on 300 random instances, and some come close", () => {
  const found = checkTheory(300, createRng("local steps"), { lines: localStepChecks });
  for (const { check, line, violations, worst } of found) assert.equal(violations, 0, `${check} ${line}: ${worst}`);
  const worst = Object.fromEntries(found.map((one) => [one.line, one.worst]));
  for (const line of ["(28)", "(29)", "(32)"]) assert.ok(worst[line]! > 0.8, `${line} only comes to ${worst[line]}`);
});

test("localStepChecks: a bound without its drift, or without its clipping bias, is violated", () => {
  const halved = (name: string, factor: number) => {
    const check = localStepChecks[name]!;
    const compare: typeof check.compare = (instance, rng) => {
      const found = check.compare(instance, rng);
      return found && { ...found, larger: factor * found.larger };
    };
    return checkTheory(300, createRng("local steps"), { lines: { [name]: { ...check, compare } } })[0]!.violations;
  };
  for (const name of ["clipped mean's distance", "reconstruction error, clipped", "clipping bias"])
    assert.ok(halved(name, 0.5) > 0, name);
});

test("unrolledDispersion: a lone client's bound does not grow with the drift", () => {
  const terms = { objectiveGap: 1, plConstant: 1, lipschitz: 1 };
  const lone = unrolledDispersion({ dispersion: 0, drift: 5, effectiveParticipants: 1 });
  assert.equal(reconstructionBound({ ...terms, inversionError: 0.5, dispersion: lone }), 0.25);
});

test("fedAvg.ts: refuses what is out of range, naming it", () => {
  const round = { objectiveGap: 3, plConstant: 0.5, smoothness: 2, learningRate: 0.05, drift: 0 };
  const rest = { meanVariance: 0, clippingBias: 0, noiseVariance: 0 };
  const common = { dispersion: 1, drift: 1, numClients: 2, localSteps: 1 };
  const refused: readonly [RegExp, () => unknown][] = [
    [/^InputError: clippingOf: needs clipNorm > 0, got 0/, () => clippingOf([1], 0)],
    [/^InputError: clippingOf: needs finite norms >= 0, at least one/, () => clippingOf([], 1)],
    [/^InputError: clippingOf: needs finite norms >= 0, at least one/, () => clippingOf([1, NaN], 1)],
    [/^InputError: localDispersion: needs shrink in \(0, 1\], got 0/, () => localDispersion({ ...common, shrink: 0 })],
    [
      /^InputError: localDispersion: needs an integer localSteps >= 1/,
      () => localDispersion({ ...common, localSteps: 0 }),
    ],
    [/^InputError: localDispersion: needs a dimension >= 1 with dpStd/, () => localDispersion({ ...common, dpStd: 1 })],
    [/^InputError: unrolledDispersion: needs/, () => unrolledDispersion({ ...common, effectiveParticipants: 0.5 })],
    [
      /^InputError: clippedProgress: needs an integer localSteps >= 1/,
      () => clippedProgress({ ...round, ...rest, localSteps: 0 }),
    ],
    [
      /^InputError: clippedProgress: needs finite terms/,
      () => clippedProgress({ ...round, ...rest, localSteps: 1, clippingBias: -1 }),
    ],
    [/^InputError: pathwiseBound: needs η <= 1\/L/, () => clippedProgress({ ...round, ...rest, localSteps: 20 })],
  ];
  for (const [message, call] of refused) assert.throws(call, message);
});
