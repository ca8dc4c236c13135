/** @file What holds for every rule that keeps or weighs whole updates. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createRng } from "../../core/rng";
import type { AggregationOptions, Aggregator } from "../aggregator";
import { dnc } from "./dnc";
import { flTrust } from "./flTrust";
import { foolsGold } from "./foolsGold";
import { freqFed } from "./freqFed";
import { normBounding } from "./normBounding";
import { oracle } from "./oracle";
import { signGuard } from "./signGuard";

const rules: readonly Aggregator[] = [dnc, freqFed, signGuard, foolsGold, flTrust, normBounding, oracle];
const [n, d] = [9, 40];

/** Updates of a common direction, one of them flipped, with all that any rule may need. */
function draw(seed: number): { updates: Float32Array[]; options: AggregationOptions } {
  const rng = createRng(seed);
  const common = rng.normals(d).map((x) => x + 1); // more pluses than minuses: signGuard only counts them
  const updates = Array.from({ length: n }, (_, i) =>
    rng.normals(d).map((x, k) => (x + 2 * common[k]!) * (i === 4 ? -3 : 1)),
  );
  const history = updates.map(() => rng.normals(d).map((x) => 5 * x));
  return {
    updates,
    options: { f: 1, layers: [[4, 9], [4]], history, rootUpdate: common, malicious: [4], subsampleSize: 30, rng },
  };
}

test("filters: give finite aggregates of their own, kept clients ascending, and leave their input", () => {
  for (const rule of rules) {
    const { updates, options } = draw(1);
    const { update, kept, effectiveParticipants, weights } = rule.aggregate(updates, options);
    assert.deepEqual(updates, draw(1).updates, rule.name);
    assert.deepEqual(options.history, draw(1).options.history, rule.name);
    assert.equal(update.length, d);
    assert.ok(update instanceof Float32Array && update.every(Number.isFinite), rule.name);
    assert.deepEqual([...kept], [...new Set(kept)].sort((i, j) => i - j), rule.name); // prettier-ignore
    assert.ok(effectiveParticipants >= 1 && effectiveParticipants <= n, rule.name);
    const combined = Array.from(update, (_, k) => weights!.reduce((sum, w, i) => sum + w * updates[i]![k]!, 0));
    update.forEach((x, k) => assert.ok(Math.abs(x - combined[k]!) < 1e-4, rule.name));
    assert.deepEqual(
      weights!.flatMap((w, i) => (w > 0 ? [i] : [])),
      [...kept],
      rule.name,
    );
  }
});

test("filters: drop the client that flips its sign, but for the one that only bounds lengths", () => {
  for (const rule of rules) {
    const { updates, options } = draw(2);
    const { kept } = rule.aggregate(updates, { ...options, history: updates.map(() => new Float32Array(d)) });
    // foolsGold is against those who are alike: the flipper is the one that it trusts most
    assert.equal(kept.includes(4), rule === normBounding || rule === foolsGold, rule.name);
  }
});

test("filters: do not depend on the order of the clients", () => {
  for (const rule of rules) {
    for (let seed = 0; seed < 10; seed++) {
      const { updates, options } = draw(seed);
      const order = [...createRng(seed).split("order").permutation(n)];
      const plain = rule.aggregate(updates, { ...options, rng: createRng(7) });
      const shuffled = rule.aggregate(
        order.map((i) => updates[i]!),
        {
          ...options,
          rng: createRng(7),
          history: order.map((i) => options.history![i]!),
          malicious: [order.indexOf(4)],
        },
      );
      assert.deepEqual(
        shuffled.kept.map((place) => order[place]!).sort((i, j) => i - j),
        [...plain.kept],
        rule.name,
      );
      plain.update.forEach((x, k) => assert.ok(Math.abs(x - shuffled.update[k]!) < 1e-5, rule.name));
    }
  }
});

test("filters: refuse no updates, unequal lengths, and a round in which a client sends what is no number", () => {
  for (const rule of rules) {
    const { updates, options } = draw(1);
    const refuses = (given: readonly Float32Array[], message: string): void => {
      assert.throws(() => rule.aggregate(given, options), { name: "InputError", message: `${rule.name}: ${message}` });
    };
    refuses([], "needs n >= 1 updates, got 0");
    refuses(
      [...updates, new Float32Array(d + 1)],
      `needs updates of one length (the first has ${d}), got ${d + 1} in update ${n}`,
    );
    for (const bad of [NaN, Infinity, -Infinity]) {
      const broken = updates.map((update, i) => (i === 3 ? update.map((x, k) => (k === 17 ? bad : x)) : update));
      refuses(broken, `needs finite numbers in update 3, got ${bad} at index 17`);
    }
  }
});
