/**
 * @file Every rule's and pre-aggregation's pull-back against central differences of what it computes.
 *
 * Updates are float32, so a difference over a small step would be rounding. Numbers of updates and directions are multiples of
 * 2^-12 below 16 and steps are powers of two, so every perturbed update is exact; inner products run in float64; what is left is
 * the rounding of the aggregate, 2^-24 of it over a step of 2^-7: 1e-5. Two steps by Richardson leave an error of the fourth order.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createRng } from "../core/rng";
import { combine, innerProduct, squaredNorms } from "../numerics/linear";
import type { AggregationOptions, Aggregator } from "./aggregator";
import { aggregators, type AggregatorName } from "./aggregators";
import { preAggregate } from "./preAggregate";
import { preAggregations, type PreAggregationName } from "./preAggregations";

const [n, d] = [11, 24];
const step = 2 ** -7;
const tolerance = 1e-4; // of the pull-back's length times the direction's
const onGrid = (x: number): number => Math.round(x * 2 ** 12) / 2 ** 12;

/** Updates of which no two are nearly alike in a coordinate: n values 0.2 and more apart, no two as far from a third. The last may be far from all others. */
function pointOf(seed: number, far = 1): Float32Array[] {
  const updates = Array.from({ length: n }, () => new Float32Array(d));
  for (let k = 0; k < d; k++) {
    const rng = createRng("pull-back").split("coordinate", seed, k);
    const centre = 0.8 * rng.normal();
    rng.permutation(n).forEach((rank, i) => {
      updates[i]![k] = onGrid(centre + 0.2 * (rank - n / 2) + 0.02 * rank ** 2 + 0.02 * rng.uniform());
    });
  }
  updates[n - 1] = updates[n - 1]!.map((x) => far * x);
  return updates;
}

/** [count][d], on the grid, between -1 and 1. */
function directionOf(name: string, seed: number, count = n): Float32Array[] {
  const rng = createRng("pull-back").split(name, seed);
  return Array.from({ length: count }, () => rng.uniforms(d).map((x) => onGrid(2 * x - 1)));
}

const moved = (updates: readonly Float32Array[], by: readonly Float32Array[], t: number): Float32Array[] =>
  updates.map((u, i) => u.map((x, k) => x + t * by[i]![k]!));
const product = (a: readonly Float32Array[], b: readonly Float32Array[]): number =>
  a.reduce((sum, row, i) => sum + innerProduct(row, b[i]!), 0);
const lengthOf = (vectors: readonly Float32Array[]): number =>
  Math.sqrt(squaredNorms(vectors).reduce((sum, x) => sum + x, 0));

/** The derivative of f at 0, by central differences over two steps. */
function slope(f: (t: number) => number): number {
  const over = (h: number): number => (f(h) - f(-h)) / (2 * h);
  return (4 * over(step / 2) - over(step)) / 3;
}

/** What every rule is given besides its own parameters. */
function roundOf(updates: readonly Float32Array[]): AggregationOptions {
  return {
    f: 2,
    rng: createRng("pull-back").split("draws"), // made anew for every call: the same draws
    layers: [[4, 5], [4]],
    malicious: [3],
    history: updates.map((_, i) => pointOf(99)[0]!.map((x) => (3 * x * i) / n)),
    rootUpdate: Float32Array.from(pointOf(98)[0]!, (x, k) => x + 3 * updates[0]![k]!),
  };
}

/** The parameters with which each rule is tried: every way through its code. */
const variants: Readonly<Partial<Record<AggregatorName | PreAggregationName, readonly Partial<AggregationOptions>[]>>> =
  {
    mean: [{}],
    median: [{}],
    trimmedMean: [{}, { f: 0 }, { f: 5 }],
    meaMed: [{}, { f: 5 }],
    geometricMedian: [{}, { iterations: 1 }, { iterations: 3 }, { smoothing: 5 }],
    krum: [{}, { neighbours: "n-f-1" }],
    multiKrum: [{}],
    bulyan: [{}, { f: 1 }],
    mda: [{}],
    moNna: [{ trusted: 4 }],
    centeredClipping: [
      { clipNorm: 7.8 },
      { clipNorm: 5, iterations: 3 },
      { clipNorm: 4, iterations: 2, previous: pointOf(97)[0]! },
      { clipNorm: 100 },
    ],
    caf: [{}],
    smea: [{}],
    dnc: [{}, { subsampleSize: 9, iterations: 2 }],
    freqFed: [{}],
    signGuard: [{}],
    foolsGold: [{}, { history: pointOf(96) }],
    flTrust: [{}],
    normBounding: [{}, { clipNorm: 7.8 }],
    oracle: [{}],
    nnm: [{}],
    bucketing: [{ bucketSize: 3 }],
    clipping: [{ clipNorm: 7.8 }],
    arc: [{}, { f: 4 }],
  };

/** Rules that hold more fixed than their choice, and why. */
const holds: Partial<Record<AggregatorName, string>> = {
  caf: "every step's weights follow the updates by way of an eigenvector",
};

/** Rules and pre-aggregations without a pull-back, and why. */
const without: readonly string[] = [];

/** Whether pull-backs a step to either side say that the derivative jumps in between: a choice changes there. */
function jumps(
  before: readonly Float32Array[],
  here: readonly Float32Array[],
  after: readonly Float32Array[],
): boolean {
  const bend = here.map((v, i) => v.map((x, k) => before[i]![k]! - 2 * x + after[i]![k]!));
  return lengthOf(bend) > 0.02 * lengthOf(here);
}

/** A map of updates to vectors, and its pull-back, which are both functions of the updates alone. */
interface Differentiable {
  readonly of: (at: readonly Float32Array[]) => readonly Float32Array[];
  readonly pull: (at: readonly Float32Array[], cotangents: readonly Float32Array[]) => readonly Float32Array[];
}

/** How far the pull-back is from central differences, in every direction in which none of its choices changes. */
function offsOf(mapAt: (updates: readonly Float32Array[]) => Differentiable, far = 1): number[] {
  const offs: number[] = [];
  for (let seed = 0; seed < 6; seed++) {
    const updates = pointOf(seed, far);
    const { of, pull } = mapAt(updates);
    const cotangents = directionOf("cotangent", seed, of(updates).length);
    const pulled = pull(updates, cotangents);
    assert.equal(pulled.length, n);
    for (let turn = 0; turn < 3; turn++) {
      const by = directionOf("by", 10 * seed + turn);
      const pulledAt = (t: number): readonly Float32Array[] => pull(moved(updates, by, t), cotangents);
      if (jumps(pulledAt(-step), pulled, pulledAt(step))) continue;
      const found = slope((t) => product(of(moved(updates, by, t)), cotangents));
      offs.push(Math.abs(found - product(pulled, by)) / (lengthOf(pulled) * lengthOf(by)));
    }
  }
  return offs;
}

function ensureClose(what: string, offs: readonly number[]): void {
  assert.ok(offs.length >= 6, `${what}: jumps nearly everywhere`);
  assert.ok(Math.max(...offs) < tolerance, `${what}: ${offs.map((x) => x.toExponential(1)).join(" ")}`);
}

/** A rule as a map; with its weights held as they are at the point. */
function mapOf(rule: Aggregator, variant: Partial<AggregationOptions>, holds: boolean) {
  return (updates: readonly Float32Array[]): Differentiable => {
    const options = (): AggregationOptions => ({ ...roundOf(updates), ...variant });
    const { weights } = rule.aggregate(updates, options());
    return {
      of: (at) => [holds ? combine(at, weights!) : rule.aggregate(at, options()).update],
      pull: (at, [cotangent]) => rule.pullBack(at, options(), cotangent!),
    };
  };
}

for (const [name, rule] of Object.entries(aggregators)) {
  test(`${name}: pulls back what central differences say`, () => {
    const far = name === "caf" ? 4 : 1; // without one that stands out its first step is its last, and all weights are 1
    for (const variant of variants[name as AggregatorName] ?? [{}]) {
      const what = `${name} with ${Object.keys(variant).join(", ")}`;
      if (name in holds) {
        const heldAt = (updates: readonly Float32Array[]): Differentiable => {
          const { of, pull } = mapOf(rule, variant, true)(updates);
          return { of, pull: (_, cotangents) => pull(updates, cotangents) }; // by the weights of the point
        };
        ensureClose(what, offsOf(heldAt, far));
        assert.ok(
          Math.max(...offsOf(mapOf(rule, variant, false), far)) > tolerance,
          `${what}: holds nothing that moves`,
        );
      } else ensureClose(what, offsOf(mapOf(rule, variant, false), far));
    }
  });
}

for (const [name, rule] of Object.entries(preAggregations)) {
  test(`${name}: pulls back what central differences say`, () => {
    for (const variant of variants[name as PreAggregationName] ?? [{}]) {
      const mapAt = (updates: readonly Float32Array[]): Differentiable => {
        const options = (): AggregationOptions => ({ ...roundOf(updates), ...variant });
        return {
          of: (at) => rule.transform(at, options()).updates,
          pull: (at, cotangents) => rule.pullBack(at, options(), rule.transform(at, options()), cotangents),
        };
      };
      ensureClose(`${name} with ${Object.keys(variant).join(", ")}`, offsOf(mapAt));
    }
  });
}

test("preAggregate: pulls back through a chain of pre-aggregations and the rule behind it", () => {
  const chains: readonly (readonly [PreAggregationName[], AggregatorName])[] = [
    [["nnm"], "median"],
    [["arc", "nnm"], "trimmedMean"],
    [["bucketing"], "geometricMedian"],
    [["clipping", "bucketing"], "mean"],
    [["bucketing", "arc"], "normBounding"],
  ];
  for (const [names, last] of chains) {
    const rule = preAggregate(aggregators[last], names);
    ensureClose(rule.name, offsOf(mapOf(rule, { f: 1, ...(names.includes("clipping") && { clipNorm: 7.8 }) }, false)));
  }
});

test("preAggregate: leaves the updates as they are when it pulls back", () => {
  const updates = pointOf(0);
  const before = updates.map((update) => update.slice());
  const rule = preAggregate(aggregators.median, ["arc", "nnm"]);
  for (const v of rule.pullBack(updates, { f: 1 }, new Float32Array(d).fill(1))) v.fill(NaN);
  assert.deepEqual(updates, before);
});

test("pull-backs: the points are where rules differ from a mean", () => {
  const updates = pointOf(0);
  const options = roundOf(updates);
  const inside = (weights: readonly number[]): boolean => new Set(weights.map((w) => w.toPrecision(6))).size > 2;
  for (const name of ["geometricMedian", "signGuard", "foolsGold", "flTrust", "normBounding", "caf"] as const)
    assert.ok(inside(aggregators[name].aggregate(name === "caf" ? pointOf(0, 4) : updates, options).weights!), name);
  const clipped = aggregators.centeredClipping.aggregate(updates, { ...options, clipNorm: 7.8 }).weights!;
  assert.ok(clipped.some((w) => w < 0.99 / n) && clipped.some((w) => w === 1 / n), String(clipped));
});

test("pull-backs: every rule and pre-aggregation has one, and a rule of ranks shares what goes to a tie", () => {
  for (const [name, rule] of Object.entries({ ...aggregators, ...preAggregations }))
    assert.equal(typeof rule.pullBack === "function", !without.includes(name), name);
  const zeros = Array.from({ length: 5 }, () => new Float32Array(3)); // as gradients of units that are dead
  for (const name of ["median", "trimmedMean", "meaMed"] as const) {
    const pulled = aggregators[name].pullBack(zeros, { f: 1 }, Float32Array.of(1, 2, 3));
    for (const v of pulled) assert.deepEqual(v, Float32Array.of(1 / 5, 2 / 5, 3 / 5), name);
  }
});

test("pull-backs: refuse a cotangent that is none", () => {
  const updates = pointOf(0);
  const options = { ...roundOf(updates), trusted: 1 };
  for (const [name, rule] of Object.entries(aggregators)) {
    const pull = (cotangent: unknown) => () => rule.pullBack(updates, options, cotangent as Float32Array);
    const message = new RegExp(`^${name}: needs a cotangent of d = 24 numbers for each vector that comes out`);
    assert.throws(pull(new Float32Array(3)), { name: "InputError", message });
    assert.throws(pull([1, 2]), { name: "InputError", message });
  }
  assert.throws(
    () => preAggregations.nnm.pullBack(updates, options, preAggregations.nnm.transform(updates, options), []),
    {
      message: "nnm: needs a cotangent of d = 24 numbers for each vector that comes out, 11, got 0",
    },
  );
});
