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
    refuses(updates, { ...good, tau: 1 }, /needs options that a rule knows, got tau/);
    refuses(updates.map((update) => [...update]), good, /needs updates that are Float32Arrays, got an array in update 0/); // prettier-ignore
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
    for (const scale of [2 ** -40, 2 ** -20, 2 ** 20, 2 ** 40]) {
      const scaled = rule.aggregate(updates.map((update) => update.map((x) => x * scale)), at(scale)); // prettier-ignore
      const worst = Math.max(...one.map((x, k) => Math.abs(scaled.update[k]! / scale - x)));
      assert.ok(worst < 1e-5, `${rule.name} at ${scale}: ${worst}`);
    }
  }
});

test("rules: the geometric median of tiny numbers is that of ordinary ones", () => {
  const tiny = [1, 1.1, 0.9, 1.05, 50].map((x) => Float32Array.of(x * 1e-7));
  assert.ok(Math.abs(aggregators.geometricMedian.aggregate(tiny, { f: 1 }).update[0]! - 1.05e-7) < 1e-10);
});

test("rules: M_eff is what a rule does to noise", () => {
  const d = 40_000;
  const noise = Array.from({ length: 9 }, (_, i) => Float32Array.from(createRng("noise").split("u", i).normals(d)));
  for (const rule of Object.values(aggregators)) {
    const options = { ...good, rng: createRng(1), layers: [[d]], rootUpdate: noise[0]!, history: noise.map(() => new Float32Array(d)) }; // prettier-ignore
    const { update, effective, weights } = rule.aggregate(noise, options);
    const sum = weights ? weights.reduce((total, w) => total + w, 0) : 1;
    const variance = update.reduce((total, x) => total + x * x, 0) / d;
    assert.ok(
      Math.abs(effective / (sum ** 2 / variance) - 1) < 0.04,
      `${rule.name}: ${effective} for ${sum ** 2 / variance}`,
    );
  }
});
