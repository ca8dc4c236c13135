/** @file The rules of the classical family together: where they disagree, what they share, and what they refuse. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createRng } from "../../core/rng";
import type { AggregationOptions, Aggregator } from "../aggregator";
import { bulyan } from "./bulyan";
import { caf } from "./caf";
import { centeredClipping } from "./centeredClipping";
import { squaredDistances } from "../../numerics/distances";
import { geometricMedian } from "./geometricMedian";
import { krum } from "./krum";
import { mda } from "./mda";
import { meaMed } from "./meaMed";
import { median } from "./median";
import { nearestVariance, trimmedVariance } from "../../numerics/normalOrder";
import { moNna } from "./moNna";
import { multiKrum } from "./multiKrum";
import { smea } from "./smea";
import { spreadOf } from "../../numerics/principalVariance";
import { explicitSpread } from "../../numerics/principalVariance.fixture";
import { trimmedMean } from "./trimmedMean";

const rules: readonly Aggregator[] = [median, trimmedMean, meaMed, geometricMedian, krum, multiKrum, bulyan, mda, moNna, centeredClipping, caf, smea]; // prettier-ignore
const numbers = (...values: readonly number[]): Float32Array[] => values.map((x) => Float32Array.of(x));
const draw = (n: number, d: number, key = ""): Float32Array[] =>
  Array.from({ length: n }, (_, i) => createRng("classical").split(`update${key}`, i).normals(d));
const average = (vectors: readonly Float32Array[]): number[] =>
  Array.from(vectors[0]!, (_, k) => vectors.reduce((sum, x) => sum + x[k]!, 0) / vectors.length);
const norm = (values: readonly number[]): number => Math.hypot(...values);
const gap = (a: Iterable<number>, b: ArrayLike<number>): number => norm([...a].map((x, k) => x - b[k]!));

test("rules: disagree as worked by hand on seven numbers", () => {
  const updates = numbers(-2, 1, 2, 4, 9, 9.5, 50);
  const check = (
    rule: Aggregator,
    options: AggregationOptions,
    update: number,
    kept: number[],
    effectiveParticipants: number,
  ): void => {
    // prettier-ignore
    const found = rule.aggregate(updates, options);
    assert.ok(Math.abs(found.update[0]! - update) < 1e-6, `${rule.name}: ${found.update[0]} is not ${update}`);
    assert.deepEqual([found.kept, found.effectiveParticipants], [kept, effectiveParticipants], rule.name);
  };
  check(median, { f: 2 }, 4, [], 1 / trimmedVariance(7, 3));
  check(trimmedMean, { f: 2 }, 5, [], 1 / trimmedVariance(7, 2)); // (2 + 4 + 9) / 3
  check(meaMed, { f: 2 }, 5.1, [], 1 / nearestVariance(7, 5)); // nearest to 4: 4, 2, 1, 9, 9.5 at 0, 2, 3, 5, 5.5; -2 is 6 off
  // three neighbours: 9+16+36 = 61, 1+9+9 = 19, 1+4+16 = 21, 4+9+25 = 38, 0.25+25+49 = 74.25, 0.25+30.25+56.25 = 86.75, …
  check(krum, { f: 2 }, 1, [1], 1);
  check(multiKrum, { f: 2 }, 2.8, [0, 1, 2, 3, 4], 5); // (-2 + 1 + 2 + 4 + 9) / 5
  // four: 61+121 = 182, 19+64 = 83, 21+49 = 70, 38+30.25 = 68.25, 74.25+64 = 138.25, 86.75+72.25 = 159, …
  check(krum, { f: 2, neighbours: "n-f-1" }, 4, [3], 1);
  check(multiKrum, { f: 2, neighbours: "n-f-1" }, 5.1, [1, 2, 3, 4, 5], 5); // (1 + 2 + 4 + 9 + 9.5) / 5
  // f = 1: Krum takes 4, 2, 9 (as just now with four; then 66; then 64.25), -2 (9, as 1 has), 1; around 2 lie 1, 2, 4
  check(bulyan, { f: 1 }, 7 / 3, [0, 1, 2, 3, 4], 1 / nearestVariance(5, 3));
  check(mda, { f: 2 }, 5.1, [1, 2, 3, 4, 5], 5); // diameter 8.5; without 9.5 and with -2 it is 11
  check(smea, { f: 2 }, 5.1, [1, 2, 3, 4, 5], 5); // variance 12.44; -2, 1, 2, 4, 9 have 13.36
  check(moNna, { f: 2, trusted: 0 }, 2.8, [0, 1, 2, 3, 4], 5);
  check(moNna, { f: 2, trusted: 6 }, 14.9, [2, 3, 4, 5, 6], 5); // (2 + 4 + 9 + 9.5 + 50) / 5
  const all = [0, 1, 2, 3, 4, 5, 6];
  check(centeredClipping, { f: 2, clipNorm: 3 }, 13 / 7, all, centredCount([1, 1, 1, 3 / 4, 3 / 9, 3 / 9.5, 3 / 50]));
  assert.ok(Math.abs(geometricMedian.aggregate(updates, { f: 2 }).update[0]! - 4) < 1e-2); // in one dimension the median
});

function centredCount(weights: readonly number[]): number {
  const shares = weights.map((w) => w / 7);
  return shares.reduce((sum, w) => sum + w, 0) ** 2 / shares.reduce((sum, w) => sum + w ** 2, 0);
}

test("median: is the mean of the two middle values when n is even", () => {
  const { update, effectiveParticipants } = median.aggregate(numbers(9, 1, 4, 2), { f: 1 });
  assert.deepEqual([update[0], effectiveParticipants], [3, 1 / trimmedVariance(4, 1)]);
});

test("krum: takes the first of equals; its update is that input bit by bit, in a vector of its own", () => {
  assert.deepEqual(krum.aggregate(numbers(1, 2, 3), { f: 1, neighbours: "n-f-1" }).kept, [0]);
  const updates = draw(9, 50);
  const { update, kept } = krum.aggregate(updates, { f: 2 });
  assert.deepEqual(update, updates[kept[0]!]);
  assert.notEqual(update, updates[kept[0]!]);
});

test("krum, multiKrum, mda, smea, moNna: keep the same when all updates are moved far away together", () => {
  const updates = Array.from({ length: 11 }, (_, i) => Float32Array.from(draw(1, 300, `far${i}`)[0]!, (x) => Math.round(x * 8) / 8)); // prettier-ignore
  const far = updates.map((update) => update.map((x) => x + 2 ** 19)); // steps of 1/8 are exact there
  for (const rule of [krum, multiKrum, mda, smea, moNna]) {
    const options = { f: 2, trusted: 1 };
    assert.deepEqual(rule.aggregate(far, options).kept, rule.aggregate(updates, options).kept, rule.name);
  }
});

test("multiKrum: keeps the n - f lowest scores of an obvious implementation", () => {
  for (let trial = 0; trial < 20; trial++) {
    const updates = draw(9, 3, `krum${trial}`);
    const scores = updates.map((x) => {
      const distances = updates.map((y) => gap(x, y) ** 2).sort((a, b) => a - b);
      return distances.slice(1, 1 + 9 - 2 - 2).reduce((sum, d) => sum + d, 0); // the first is itself
    });
    const expected = [...scores.keys()].sort((i, j) => scores[i]! - scores[j]!).slice(0, 7);
    const { kept, update } = multiKrum.aggregate(updates, { f: 2 });
    assert.deepEqual(
      kept,
      [...expected].sort((i, j) => i - j),
    );
    assert.ok(gap(update, average(kept.map((i) => updates[i]!))) < 1e-6);
  }
});

test("mda, smea: keep what trying all subsets obviously finds", () => {
  for (let trial = 0; trial < 6; trial++) {
    const updates = draw(7, 3, `subsets${trial}`);
    let best = { diameter: Infinity, variance: Infinity, narrow: "", calm: "" };
    for (let out = 0; out < 7; out++) {
      for (let also = 0; also < out; also++) {
        const subset = [0, 1, 2, 3, 4, 5, 6].filter((i) => i !== out && i !== also);
        const diameter = Math.max(...subset.flatMap((i) => subset.map((j) => gap(updates[i]!, updates[j]!))));
        const variance = explicitSpread(updates, updates.map((_, i) => (subset.includes(i) ? 1 : 0))).variance; // prettier-ignore
        const earlier = diameter === best.diameter && String(subset) < best.narrow; // two subsets often share their widest pair
        if (diameter < best.diameter || earlier) best = { ...best, diameter, narrow: String(subset) };
        if (variance < best.variance) best = { ...best, variance, calm: String(subset) };
      }
    }
    assert.equal(String(mda.aggregate(updates, { f: 2 }).kept), best.narrow);
    assert.equal(String(smea.aggregate(updates, { f: 2 }).kept), best.calm);
  }
});

test("caf: equals the filter written out on the covariance itself", () => {
  for (let trial = 0; trial < 5; trial++) {
    const updates = draw(9, 3, `caf${trial}`);
    let weights = updates.map(() => 1);
    let [smallest, best] = [Infinity, weights];
    do {
      const { variance, projections } = explicitSpread(updates, weights);
      if (variance < smallest) [smallest, best] = [variance, weights];
      const largest = Math.max(...projections);
      weights = weights.map((c, i) => Math.max(0, c * (1 - projections[i]! / largest)));
    } while (weights.reduce((sum, c) => sum + c, 0) > 9 - 4);
    const total = best.reduce((sum, c) => sum + c, 0);
    const expected = [0, 1, 2].map((k) => updates.reduce((sum, x, i) => sum + (best[i]! * x[k]!) / total, 0));
    assert.ok(gap(caf.aggregate(updates, { f: 2 }).update, expected) < 1e-5, `trial ${trial}`);
  }
});

test("caf: follows the published loop to its end, however small a step, where it has one", () => {
  let small = 0;
  for (const spread of [1, 5]) {
    for (let trial = 0; trial < 100; trial++) {
      const updates = draw(10, 23, `loop${spread}-${trial}`).map((x, i) =>
        i < 3 ? x.map((value) => spread * value) : x,
      );
      const squared = squaredDistances(updates);
      let weights = updates.map(() => 1);
      let [smallest, best] = [Infinity, weights];
      let left = 10;
      do {
        const { variance, projections } = spreadOf(squared, weights);
        if (variance < smallest) [smallest, best] = [variance, weights];
        const largest = Math.max(...projections);
        weights = weights.map((c, i) => c * (1 - projections[i]! / largest));
        const before = left;
        left = weights.reduce((sum, c) => sum + c, 0);
        if (before - left < 0.1) small++;
      } while (left > 10 - 6);
      const total = best.reduce((sum, c) => sum + c, 0);
      const found = caf.aggregate(updates, { f: 3 }).weights!;
      assert.ok(gap(found, best.map((c) => c / total)) < 1e-12, `${spread}, trial ${trial}`); // prettier-ignore
    }
  }
  assert.ok(small > 0); // or the test would not see where the loop is left
});

test("caf: ends, and lets nobody in, when two malicious clients are out by different orders of magnitude", () => {
  const updates = [...numbers(0, 1, 2, 3, 4), Float32Array.of(1e30), Float32Array.of(1e15)];
  const { update, kept } = caf.aggregate(updates, { f: 2 });
  assert.ok(update[0]! >= 0 && update[0]! <= 4);
  assert.ok(!kept.includes(5) && !kept.includes(6));
});

test("caf: is the mean when all updates are equal", () => {
  assert.deepEqual([...caf.aggregate(numbers(3, 3, 3), { f: 1 }).update], [3]);
});

test("geometricMedian: the unit vectors to the updates cancel", () => {
  for (let trial = 0; trial < 10; trial++) {
    const updates = draw(9, 4, `geometric${trial}`);
    const { update, weights } = geometricMedian.aggregate(updates, { f: 2, iterations: 1000 });
    const pull = updates.map((x) => x.map((value, k) => (value - update[k]!) / gap(x, update)));
    assert.ok(norm(average(pull)) < 1e-4, `trial ${trial}`);
    const shares = updates.map((x) => 1 / gap(x, update));
    const total = shares.reduce((sum, w) => sum + w, 0);
    weights!.forEach((w, i) => assert.ok(Math.abs(w - shares[i]! / total) < 1e-4));
  }
});

test("geometricMedian: one iteration from 0 weighs by inverse length, worked by hand", () => {
  // lengths 1 and 4: z = (1/1 * 1 + 1/4 * 4) / (1 + 1/4) = 1.6; M_eff = (5/4)^2 / (1 + 1/16) = 1.4706
  const { update, effectiveParticipants } = geometricMedian.aggregate(numbers(1, 4), { f: 0, iterations: 1 });
  assert.ok(Math.abs(update[0]! - 1.6) < 1e-6);
  assert.ok(Math.abs(effectiveParticipants - 25 / 17) < 1e-9);
});

test("centeredClipping: steps from the last aggregate, twice when asked, worked by hand", () => {
  // from 10 with tau = 2: 1 and 11 pull by -2 and 1, to 9.5; then by -2 and 1.5, to 9.25
  const options = { f: 0, clipNorm: 2, previous: Float32Array.of(10) };
  assert.deepEqual([...centeredClipping.aggregate(numbers(1, 11), options).update], [9.5]);
  const twice = centeredClipping.aggregate(numbers(1, 11), { ...options, iterations: 2 });
  assert.deepEqual([...twice.update], [9.25]);
  // weights after one step: (2/9)/2 = 1/9 and 1/2; stay = 1 - (2/8.5)/2 - 1/2 = 13/34; after two: 13/34 (1/9, 1/2) + (2/17, 1/2)
  const expected = [13 / 34 / 9 + 2 / 17, 13 / 68 + 1 / 2];
  twice.weights!.forEach((w, i) => assert.ok(Math.abs(w - expected[i]!) < 1e-9));
});

test("rules: reduce to the mean when nobody is suspected, as far as they do", () => {
  const updates = draw(5, 40);
  for (const rule of [trimmedMean, meaMed, multiKrum, mda, moNna, caf, smea, bulyan]) {
    const { update, effectiveParticipants } = rule.aggregate(updates, { f: 0, trusted: 2 });
    assert.ok(gap(update, average(updates)) < 1e-5, rule.name);
    assert.equal(effectiveParticipants, 5, rule.name);
  }
  const loose = centeredClipping.aggregate(updates, { f: 0, clipNorm: 1e6 });
  assert.ok(gap(loose.update, average(updates)) < 1e-5);
});

test("rules: one update alone comes back, where one is enough", () => {
  for (const rule of rules.filter((rule) => ![krum, multiKrum, bulyan].includes(rule))) {
    const [only] = draw(1, 20);
    const { update } = rule.aggregate([only!], { f: 0, trusted: 0, clipNorm: 100 });
    assert.ok(gap(update, only!) < 1e-5, rule.name);
    assert.notEqual(update, only, rule.name);
  }
});

const vectors = fc.array(fc.array(fc.double({ min: -10, max: 10, noNaN: true }), { minLength: 3, maxLength: 3 }), {
  minLength: 7,
  maxLength: 9,
});
/** Values drawn apart from each other, so no rule has to break a tie. */
const apart = (rows: readonly (readonly number[])[]): Float32Array[] =>
  rows.map((row, i) => Float32Array.from(row, (x, k) => x + draw(1, 3, `apart${i}`)[0]![k]!));

test("rules: do not depend on the order of the updates, but for the two whose ties are no accident", () => {
  // MDA: two subsets often share their widest pair. Bulyan: in its last steps two mutual neighbours have one score.
  const orderless = rules.filter((rule) => rule !== mda && rule !== bulyan);
  fc.assert(
    fc.property(vectors, fc.nat(), (rows, seed) => {
      const updates = apart(rows);
      const order = [...createRng(seed).permutation(updates.length)];
      for (const rule of orderless) {
        const plain = rule.aggregate(updates, { f: 1, trusted: order[0]! });
        const shuffled = rule.aggregate(order.map((i) => updates[i]!), { f: 1, trusted: 0 }); // prettier-ignore
        assert.ok(gap(plain.update, shuffled.update) < 1e-3, rule.name);
        const kept = shuffled.kept.map((i) => order[i]!).sort((i, j) => i - j);
        assert.deepEqual(kept, plain.kept, rule.name);
      }
    }),
    { numRuns: 30 },
  );
});

test("rules: move with the updates, but for centered clipping", () => {
  fc.assert(
    fc.property(vectors, (rows) => {
      const updates = apart(rows);
      const moved = updates.map((update) => update.map((x) => x + 3));
      for (const rule of rules.filter((rule) => rule !== centeredClipping && rule !== geometricMedian)) {
        const plain = rule.aggregate(updates, { f: 1, trusted: 0 }).update;
        assert.ok(gap(rule.aggregate(moved, { f: 1, trusted: 0 }).update, plain.map((x) => x + 3)) < 1e-3, rule.name); // prettier-ignore
      }
    }),
    { numRuns: 30 },
  );
});

test("rules: an update far off, even 1e30, moves none of them out of the honest ones' reach", () => {
  const honest = draw(9, 6);
  const reach = 2 * Math.max(...honest.map((x) => gap(x, average(honest))));
  for (const distance of [1e2, 1e6, 1e30]) {
    for (const direction of [1, -1]) {
      const attack = new Float32Array(6).fill(direction * distance);
      for (const rule of rules) {
        const { update, kept } = rule.aggregate([...honest, attack], { f: 1, trusted: 0, clipNorm: 5 });
        assert.ok(gap(update, average(honest)) < reach, `${rule.name} at ${distance}: ${[...update].join(", ")}`);
        if (distance > 1e3 && ![geometricMedian, centeredClipping].includes(rule))
          assert.ok(!kept.includes(9), rule.name);
      }
    }
  }
});

test("rules: leave the updates as they are, and say who is in the result", () => {
  const updates = draw(11, 1100);
  const copies = updates.map((update) => update.slice());
  for (const rule of rules) {
    const { update, kept, effectiveParticipants, weights } = rule.aggregate(updates, { f: 2, trusted: 4 });
    assert.deepEqual(updates, copies, rule.name);
    assert.ok(update.every(Number.isFinite), rule.name);
    assert.deepEqual(
      kept,
      [...kept].sort((i, j) => i - j),
    );
    assert.ok(effectiveParticipants >= 1 && effectiveParticipants <= 11, rule.name);
    if (!weights) continue;
    assert.deepEqual(kept, weights.flatMap((w, i) => (w > 0 ? [i] : []))); // prettier-ignore
    const sum = updates[0]!.map((_, k) => updates.reduce((total, x, i) => total + weights[i]! * x[k]!, 0));
    assert.ok(gap(update, sum) < 1e-4, rule.name);
  }
});

test("rules: refuse bad rounds, naming the rule and the update", () => {
  const many = (wrong: number): Float32Array[] => numbers(0, 1, 2, 3, wrong, 5, 6, 7);
  for (const rule of rules) {
    const refuses = (updates: readonly Float32Array[], f: number, message: string): void =>
      assert.throws(() => rule.aggregate(updates, { f, trusted: 0 }), { name: "InputError", message: `${rule.name}: ${message}` }); // prettier-ignore
    refuses([], 0, "needs n >= 1 updates, got 0");
    refuses([...numbers(1, 2, 3, 4), new Float32Array(2)], 0, "needs updates of one length (the first has 1), got 2 in update 4"); // prettier-ignore
    refuses(many(4), 4, "needs f < n/2, got n = 8, f = 4");
    refuses(many(4), -1, "needs an integer f >= 0, got -1");
    refuses(many(4), 1.5, "needs an integer f >= 0, got 1.5");
    refuses(many(4), NaN, "needs an integer f >= 0, got NaN");
    for (const wrong of [NaN, Infinity, -Infinity]) {
      refuses(many(wrong), 1, `needs finite numbers in update 4, got ${wrong} at index 0`);
    }
  }
});

test("rules: refuse too few updates and parameters out of range", () => {
  const refuses = (rule: Aggregator, n: number, options: AggregationOptions, message: string): void =>
    assert.throws(() => rule.aggregate(draw(n, 2), options), { name: "InputError", message });
  refuses(krum, 6, { f: 2 }, "krum: needs n >= 2f + 3 updates, got n = 6, f = 2");
  refuses(multiKrum, 4, { f: 1 }, "multiKrum: needs n >= 2f + 3 updates, got n = 4, f = 1");
  krum.aggregate(draw(5, 2), { f: 2, neighbours: "n-f-1" });
  refuses(bulyan, 10, { f: 2 }, "bulyan: needs n >= 4f + 3 updates, got n = 10, f = 2");
  refuses(bulyan, 6, { f: 1, neighbours: "n-f-1" }, "bulyan: needs n >= 4f + 3 updates, got n = 6, f = 1");
  for (const neighbours of ["n-f", "toString"]) {
    const options = { f: 1, neighbours } as unknown as AggregationOptions;
    refuses(krum, 9, options, `krum: needs neighbours "n-f-2" or "n-f-1", got "${neighbours}"`);
  }
  refuses(moNna, 5, { f: 1 }, "moNna: needs trusted, the index of a client in 0..4, got none");
  for (const trusted of [-1, 5, 0.5]) {
    refuses(moNna, 5, { f: 1, trusted }, `moNna: needs trusted, the index of a client in 0..4, got ${trusted}`);
  }
  refuses(geometricMedian, 5, { f: 1, smoothing: 0 }, "geometricMedian: needs a finite smoothing > 0, got 0");
  refuses(geometricMedian, 5, { f: 1, iterations: 0 }, "geometricMedian: needs an integer iterations >= 1, got 0");
  refuses(
    centeredClipping,
    5,
    { f: 1, iterations: 0.5 },
    "centeredClipping: needs an integer iterations >= 1, got 0.5",
  );
  refuses(centeredClipping, 5, { f: 1, clipNorm: -1 }, "centeredClipping: needs a finite clipNorm > 0, got -1");
  refuses(
    centeredClipping,
    5,
    { f: 1, previous: new Float32Array(3) },
    "centeredClipping: needs previous of the updates' length 2, got 3",
  );
  refuses(
    centeredClipping,
    5,
    { f: 1, previous: Float32Array.of(0, NaN) },
    "centeredClipping: needs finite numbers in previous, got NaN at index 1",
  );
  const ways =
    "needs at most 100000 ways to leave f updates out, got 7.4e+5 (n = 31, f = 6); take a smaller f, or multiKrum";
  refuses(mda, 31, { f: 6 }, `mda: ${ways}`);
  refuses(smea, 31, { f: 6 }, `smea: ${ways}`);
});
