/** @file What holds of every rule and pre-aggregation of the registries, whoever calls it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createRng } from "../core/rng";
import type { AggregationOptions } from "./aggregator";
import { aggregators } from "./aggregators";
import { preAggregations } from "./preAggregations";

type Call = (updates: readonly Float32Array[], options: AggregationOptions) => unknown;

/** Every rule and pre-aggregation by name. */
const calls: Readonly<Record<string, Call>> = Object.fromEntries([
  ...Object.values(aggregators).map((rule) => [rule.name, rule.aggregate.bind(rule)]),
  ...Object.values(preAggregations).map((step) => [step.name, step.transform.bind(step)]),
]) as Record<string, Call>;
const reads: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  [...Object.values(aggregators), ...Object.values(preAggregations)].map((one) => [one.name, one.reads]),
);

const updates = Array.from({ length: 11 }, (_, i) => Float32Array.from(createRng("checked").split("u", i).normals(40)));
const round = {
  rng: createRng(1),
  layers: [[4, 10]],
  malicious: [0],
  rootUpdate: updates[2]!,
  history: updates.map(({ length }) => new Float32Array(length)),
};
const good: AggregationOptions = { f: 1, trusted: 1, ...round };

/** What of the round JavaScript could give that is none of it. */
const wrongRounds: readonly (readonly [part: string, wrong: unknown])[] = [
  ["rng", () => 0.5],
  ["layers", [40]],
  ["layers", [[4, 9.5]]],
  ["previous", [...updates[0]!]],
  ["history", updates[0]],
  ["history", updates.map((update) => [...update])],
  ["rootUpdate", [...updates[0]!]],
  ["malicious", 0],
];

test("rules: refuse what JavaScript can call them with, instead of computing", () => {
  for (const [name, call] of Object.entries(calls)) {
    const refuses = (given: unknown, options: unknown, message: RegExp): void =>
      assert.throws(
        () => call(given as Float32Array[], options as AggregationOptions),
        (error: Error) => {
          assert.equal(error.name, "InputError", `${name}: ${error.message}`);
          assert.ok(error.message.startsWith(`${name}: `), error.message);
          assert.match(error.message, message);
          return true;
        },
      );
    assert.doesNotThrow(() => call(updates, good), name);
    refuses(updates, undefined, /needs an object of options, got undefined/);
    refuses(updates, {}, /needs f, how many are assumed malicious, got none; give { f: 0 }/);
    refuses(updates, { ...good, f: undefined }, /needs f/);
    for (const f of [NaN, "1", -1, 1.5, null]) refuses(updates, { ...good, f }, /needs an integer f >= 0/);
    refuses(
      updates,
      { ...good, tau: 1 },
      /needs options that a rule knows, got tau; known are: f, neighbours, iterations/,
    );
    refuses(updates, { ...good, iteration: 1 }, /got iteration; did you mean iterations\?$/);
    for (const [part, wrong] of wrongRounds)
      refuses(updates, { ...good, [part]: wrong }, new RegExp(`needs ${part}, `));
    refuses(updates.map((update) => [...update]), good, /needs updates that are Float32Arrays, got an array in update 0/); // prettier-ignore
    refuses([...updates.slice(1), new Float64Array(40)], good, /got Float64Array in update 10; see Float32Array.from$/);
    refuses([updates[0], , updates[1]], good, /got undefined in update 1/); // eslint-disable-line no-sparse-arrays
    refuses([], good, /needs n >= 1 updates, got 0$/);
    refuses("updates", good, /needs an array of updates/);
    refuses(null, good, /needs an array of updates/);
    for (const parameter of reads[name]!)
      for (const wrong of [NaN, "no", {}, -1]) refuses(updates, { ...good, [parameter]: wrong }, /needs /);
  }
});

test("rules: scale with their updates", () => {
  // Krum's family, medians and filters look at ratios; what has a unit of its own is given in it.
  for (const rule of Object.values(aggregators)) {
    const at = (scale: number): AggregationOptions => ({
      ...good,
      rng: createRng(1),
      rootUpdate: round.rootUpdate.map((x) => x * scale),
      ...(rule.reads.includes("clipNorm") && { clipNorm: 3 * scale }),
    });
    const one = rule.aggregate(updates, at(1)).update;
    for (const scale of [1e-12, 2 ** -20, 3e5, 1e12]) {
      const scaled = rule.aggregate(updates.map((update) => update.map((x) => x * scale)), at(scale)); // prettier-ignore
      const worst = Math.max(...one.map((x, k) => Math.abs(scaled.update[k]! / scale - x)));
      assert.ok(worst < 1e-5, `${rule.name} at ${scale}: ${worst}`);
    }
  }
});

test("pre-aggregations: scale with their updates", () => {
  for (const step of Object.values(preAggregations)) {
    const at = (scale: number): Float32Array[] => [
      ...step.transform(
        updates.map((update, i) => update.map((x) => x * scale * (i + 1))),
        { ...good, rng: createRng(1), ...(step.reads.includes("clipNorm") && { clipNorm: 9 * scale }) },
      ).updates,
    ];
    const one = at(1);
    for (const scale of [1e-12, 2 ** -20, 3e5, 1e12]) {
      at(scale).forEach((vector, r) =>
        vector.forEach((x, k) =>
          assert.ok(Math.abs(x / scale - one[r]![k]!) < 1e-5 * (r + 2), `${step.name} at ${scale}`),
        ),
      );
    }
  }
});

test("rules: the geometric median of tiny numbers is that of ordinary ones", () => {
  const of = (...values: readonly number[]): number =>
    aggregators.geometricMedian.aggregate(values.map((x) => Float32Array.of(x)), { f: 1 }).update[0]!; // prettier-ignore
  assert.ok(Math.abs(of(...[1, 1.1, 0.9, 1.05, 50].map((x) => x * 1e-7)) - 1.05e-7) < 1e-10);
  // A majority of zeros is the median, however far out another is; of nothing but zeros it is 0.
  assert.ok(Math.abs(of(0, 0, 0, 1e-7, 1e30)) < 1e-12);
  assert.equal(of(0, 0, 0), 0);
});

test("rules: M_eff is what a rule does to noise", () => {
  const d = 40_000;
  const noise = Array.from({ length: 9 }, (_, i) => Float32Array.from(createRng("noise").split("u", i).normals(d)));
  for (const rule of Object.values(aggregators)) {
    const options = { ...good, rng: createRng(1), layers: [[d]], rootUpdate: noise[0]!, history: noise.map(() => new Float32Array(d)) }; // prettier-ignore
    const { update, effectiveParticipants, weights } = rule.aggregate(noise, options);
    const sum = weights ? weights.reduce((total, w) => total + w, 0) : 1;
    const variance = update.reduce((total, x) => total + x * x, 0) / d;
    assert.ok(
      Math.abs(effectiveParticipants / (sum ** 2 / variance) - 1) < 0.04,
      `${rule.name}: ${effectiveParticipants} for ${sum ** 2 / variance}`,
    );
  }
});
