import assert from "node:assert/strict";
import { test } from "node:test";
import { createRng } from "../core/rng";
import type { Aggregator } from "./aggregator";
import { aggregators } from "./aggregators";
import { preAggregations } from "./preAggregations";

test("aggregators, preAggregations: hold each rule under its own name, with its source", () => {
  for (const [name, rule] of Object.entries({ ...aggregators, ...preAggregations })) {
    assert.equal(rule.name, name);
    assert.ok(rule.source.length > 0);
  }
});

test("aggregators: give a vector of their own, which may be written on, and leave the updates as they are", () => {
  const updates = Array.from({ length: 8 }, (_, i) => createRng("own").split("update", i).normals(20));
  const before = updates.map((update) => update.slice());
  const nothing = new Float32Array(20);
  const options = {
    f: 1,
    clipNorm: 100, // shortens nothing
    trusted: 2,
    rng: createRng(1),
    layers: [[4, 5]],
    malicious: [3],
    previous: nothing.slice(),
    history: updates.map(() => nothing.slice()),
    rootUpdate: updates[0]!.slice(),
  };
  for (const [name, rule] of Object.entries(aggregators)) {
    rule.aggregate(updates, options).update.fill(NaN);
    assert.deepEqual(updates, before, name);
    assert.deepEqual([options.rootUpdate, options.previous, options.history[0]], [before[0], nothing, nothing], name);
  }
});

test("aggregators: those by rank make of some coordinates what they make of them among all", () => {
  const updates = Array.from({ length: 9 }, (_, i) => createRng("ranks").split("update", i).normals(20));
  const some = updates.map((update) => update.slice(5, 12));
  const byRank = Object.values<Aggregator>(aggregators).filter((rule) => rule.byRank);
  assert.deepEqual(byRank.map(({ name }) => name).sort(), ["meaMed", "median", "trimmedMean"]); // prettier-ignore
  for (const rule of byRank) {
    const whole = rule.aggregate(updates, { f: 2 }).update;
    assert.deepEqual(rule.aggregate(some, { f: 2 }).update, whole.slice(5, 12), rule.name);
  }
});
