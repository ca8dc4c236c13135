import assert from "node:assert/strict";
import { test } from "node:test";
import { jStat } from "jstat";
import fc from "fast-check";
import { createRng } from "./rng";

// Seeds are fixed, so a test passes always or never. Statistical limits are at 4 to 5 standard errors: were the generator
// sound and the seed free, fewer than one run in 10,000 would fail.

/** Pearson's statistic of counts that should be equal. */
function chiSquare(counts: readonly number[]): number {
  const expected = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

/** A chi-square variable with df degrees has mean df and variance 2 df: five standard deviations above. */
const chiSquareLimit = (df: number): number => df + 5 * Math.sqrt(2 * df);

/** Mean of f over values, compared with what is expected, in standard errors of that mean. */
function standardErrors(values: ArrayLike<number>, f: (x: number) => number, expected: number): number {
  const ys = Array.from(values, f);
  const mean = ys.reduce((sum, y) => sum + y, 0) / ys.length;
  const variance = ys.reduce((sum, y) => sum + (y - mean) ** 2, 0) / (ys.length - 1);
  return Math.abs(mean - expected) / Math.sqrt(variance / ys.length);
}

/** Kolmogorov and Smirnov's sqrt(n) D; above 2.2 with probability 2 exp(-2 * 2.2^2) = 1.2e-4. */
function kolmogorov(values: ArrayLike<number>, cdf: (x: number) => number): number {
  const sorted = Float64Array.from(values).sort();
  const n = sorted.length;
  let distance = 0;
  sorted.forEach((x, i) => {
    distance = Math.max(distance, cdf(x) - i / n, (i + 1) / n - cdf(x));
  });
  return Math.sqrt(n) * distance;
}

test("createRng: the same first numbers on every machine and in every version", () => {
  // Pinned: a change here changes every stored result and figure. The two uniforms were also computed apart from this code,
  // by 64-bit xoroshiro128+ (rotations 24, 16, 37) in Python whose state is the SHA-256 of "1".
  const rng = createRng(1);
  assert.deepEqual([rng.uniform(), rng.uniform()], [0.2235651001700042, 0.8049798492807366]);
  assert.ok(Math.abs(rng.normal() - 1.8948943110475527) < 1e-12);
  assert.equal(rng.integer(1000), 293);
  assert.ok(Math.abs(rng.gamma(0.5) - 1.357169853034485) < 1e-12);
  assert.equal(createRng(1).split("client", 3).uniform(), 0.6294700416106902);
  assert.deepEqual([...createRng(1).permutation(6)], [5, 2, 0, 3, 4, 1]);
});

test("createRng: a seed and its decimal name are one stream, other seeds are others", () => {
  assert.equal(createRng(7).uniform(), createRng("7").uniform());
  const firsts = new Set(Array.from({ length: 1000 }, (_, seed) => createRng(seed).uniform()));
  assert.equal(firsts.size, 1000);
});

test("rng.split: the child is the same however much was drawn from its parent", () => {
  const drawn = createRng(2);
  drawn.normals(101);
  assert.equal(drawn.split("client", 3).uniform(), createRng(2).split("client", 3).uniform());
});

test("rng.split: adding clients or drawing more from one shifts no other stream", () => {
  const draw = (numClients: number, extra: number): number[][] =>
    Array.from({ length: numClients }, (_, client) => {
      const rng = createRng(3).split("client", client);
      if (client === 0) rng.uniforms(extra);
      return Array.from({ length: 5 }, () => rng.normal());
    });
  assert.deepEqual(draw(10, 0).slice(1, 4), draw(4, 17).slice(1));
});

test("rng.split: index paths are not confused when their digits run together", () => {
  const rng = createRng(4);
  const keys = [rng.split("pair", 1, 23), rng.split("pair", 12, 3), rng.split("pair", 123), rng.split("pair1", 23)];
  assert.equal(new Set(keys.map(({ key }) => key)).size, 4);
  assert.equal(keys[0]!.key, "4/pair/1/23");
});

test("rng.split: neighbouring children are uncorrelated, also with their parent", () => {
  const n = 20_000;
  const parent = createRng(5);
  const streams = [parent.uniforms(n), ...[0, 1, 2].map((i) => parent.split("client", i).uniforms(n))];
  for (let i = 0; i < streams.length; i++) {
    for (let j = 0; j < i; j++) {
      // Standard error of a correlation at independence: 1 / sqrt(n).
      assert.ok(Math.abs(jStat.corrcoeff(streams[i]!, streams[j]!)) < 4 / Math.sqrt(n), `streams ${j} and ${i}`);
    }
  }
});

test("rng.split: the first numbers of many children are uniform", () => {
  const firsts = Array.from({ length: 5000 }, (_, i) => createRng(6).split("round", i).uniform());
  assert.ok(kolmogorov(firsts, (x) => x) < 2.2);
});

test("rng.uniform: uniform over [0, 1) in its leading and in its middle bits, and serially independent", () => {
  const rng = createRng(8);
  const n = 100_000;
  const values = Float64Array.from({ length: n }, () => rng.uniform());
  assert.ok(values.every((x) => x >= 0 && x < 1));
  assert.ok(kolmogorov(values, (x) => x) < 2.2);
  for (const scale of [1, 2 ** 10, 2 ** 20, 2 ** 30]) {
    const counts = new Array<number>(64).fill(0);
    for (const x of values) counts[Math.floor(((x * scale) % 1) * 64)]!++;
    assert.ok(chiSquare(counts) < chiSquareLimit(63), `bits after ${Math.log2(scale)}`);
  }
  for (const lag of [1, 2, 7]) {
    assert.ok(
      Math.abs(jStat.corrcoeff(values.subarray(lag), values.subarray(0, n - lag))) < 4 / Math.sqrt(n),
      `${lag}`,
    );
  }
});

test("rng.uniforms: float32 numbers below 1, the leading 24 bits of what uniform draws", () => {
  const values = createRng(9).uniforms(1000);
  const rng = createRng(9);
  for (const x of values) {
    const full = rng.uniform();
    assert.ok(x <= full && full - x < 2 ** -24);
    assert.equal(x, Math.floor(full * 2 ** 24) / 2 ** 24);
  }
  // The largest draw, 1 - 2^-53, rounds up to 1 as a float32; its leading 24 bits do not.
  assert.equal(Math.fround(1 - 2 ** -53), 1);
  assert.equal(Math.fround(Math.floor((1 - 2 ** -53) * 2 ** 24) / 2 ** 24), 1 - 2 ** -24);
});

test("rng.normal: moments 0, 1, 0, 3, two-sided tails, uncorrelated neighbours", () => {
  const rng = createRng(10);
  const n = 200_000;
  const values = Float64Array.from({ length: n }, () => rng.normal());
  [0, 1, 0, 3].forEach((moment, i) => assert.ok(standardErrors(values, (x) => x ** (i + 1), moment) < 4, `${i + 1}`));
  // Normal table: P(Z > 1.959964) = 0.025.
  assert.ok(standardErrors(values, (x) => (x > 1.959964 ? 1 : 0), 0.025) < 4);
  assert.ok(standardErrors(values, (x) => (x < -1.959964 ? 1 : 0), 0.025) < 4);
  assert.ok(Math.abs(jStat.corrcoeff(values.subarray(1), values.subarray(0, n - 1))) < 4 / Math.sqrt(n));
});

test("rng.normals: what n calls of normal give, as float32", () => {
  const rng = createRng(11);
  assert.deepEqual(
    createRng(11).normals(7),
    Float32Array.from({ length: 7 }, () => rng.normal()),
  );
});

for (const shape of [0.1, 0.5, 1, 3.7, 40]) {
  test(`rng.gamma: moments of a gamma variable when shape = ${shape}`, () => {
    const rng = createRng(12).split("gamma", shape);
    const values = Float64Array.from({ length: 100_000 }, () => rng.gamma(shape));
    assert.ok(values.every((x) => x >= 0));
    assert.ok(standardErrors(values, (x) => x, shape) < 4);
    // E x^2 = a (a + 1), E x^3 = a (a + 1) (a + 2)
    assert.ok(standardErrors(values, (x) => x ** 2, shape * (shape + 1)) < 4);
    assert.ok(standardErrors(values, (x) => x ** 3, shape * (shape + 1) * (shape + 2)) < 4);
  });
}

test("rng.gamma: exponential when shape = 1, and a sum of two halves is exponential too", () => {
  const rng = createRng(13);
  const exponential = (x: number): number => 1 - Math.exp(-x);
  const whole = Float64Array.from({ length: 20_000 }, () => rng.gamma(1));
  const halves = Float64Array.from({ length: 20_000 }, () => rng.gamma(0.5) + rng.gamma(0.5));
  assert.ok(kolmogorov(whole, exponential) < 2.2);
  assert.ok(kolmogorov(halves, exponential) < 2.2);
});

test("rng.logGamma: is the logarithm of what gamma draws, and stays finite where that underflows", () => {
  for (const shape of [0.05, 0.5, 1, 3.7]) {
    const [a, b] = [createRng(17), createRng(17)];
    for (let i = 0; i < 100; i++) {
      const [log, value] = [a.logGamma(shape), b.gamma(shape)];
      assert.ok(Math.abs(log - Math.log(value)) <= 1e-9 * Math.abs(log) + 1e-12, `${shape}: ${log}, ${value}`);
    }
    assert.equal(a.uniform(), b.uniform());
  }
  const rng = createRng(18);
  const logs = Float64Array.from({ length: 20_000 }, () => 1e-4 * rng.logGamma(1e-4));
  assert.ok(kolmogorov(logs, (x) => Math.exp(Math.min(0, x))) < 2.2); // alpha log G -> log U as alpha -> 0
});

test("rng.integer: uniform over 0..n-1 when n is no power of two", () => {
  const rng = createRng(14);
  const counts = new Array<number>(7).fill(0);
  for (let i = 0; i < 70_000; i++) counts[rng.integer(7)]!++;
  assert.ok(chiSquare(counts) < chiSquareLimit(6));
});

test("rng.permutation: holds each of 0..n-1 once", () => {
  fc.assert(
    fc.property(fc.nat(200), fc.integer(), (n, seed) => {
      assert.deepEqual(
        createRng(seed).permutation(n).sort(),
        Int32Array.from({ length: n }, (_, i) => i),
      );
    }),
    { numRuns: 50, seed: 1 },
  );
});

test("rng.permutation: each of the 24 orders of 4 equally often", () => {
  const rng = createRng(15);
  const counts = new Map<string, number>();
  for (let i = 0; i < 24_000; i++) {
    const order = rng.permutation(4).join("");
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  assert.equal(counts.size, 24);
  assert.ok(chiSquare([...counts.values()]) < chiSquareLimit(23));
});

test("rng: refuses n that is no count and a shape that is not positive", () => {
  const rng = createRng(16);
  for (const n of [0, -1, 1.5, NaN])
    assert.throws(() => rng.integer(n), /^InputError: rng\.integer: needs an integer n >= 1, got/);
  for (const shape of [0, -1, NaN, Infinity])
    assert.throws(() => rng.gamma(shape), /rng\.gamma: needs a finite shape > 0, got/);
});
