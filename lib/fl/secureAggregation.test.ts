import assert from "node:assert/strict";
import { test } from "node:test";
import { jStat } from "jstat";
import fc from "fast-check";
import { createRng } from "../core/rng";
import { aggregateMasked, fitsRing, maskUpdates, sumMasked, toRing } from "./secureAggregation";

const RING = 2 ** 48;

function normals(numClients: number, length: number, scale = 1): Float32Array[] {
  const rng = createRng("updates");
  return Array.from({ length: numClients }, (_, i) =>
    rng
      .split("client", i)
      .normals(length)
      .map((x) => x * scale),
  );
}

/** Kolmogorov and Smirnov's sqrt(n) D against the uniform distribution; above 2.2 with probability 1.2e-4. */
function kolmogorov(elements: Float64Array): number {
  const sorted = Float64Array.from(elements, (x) => x / RING).sort();
  const n = sorted.length;
  let distance = 0;
  sorted.forEach((x, i) => {
    distance = Math.max(distance, x - i / n, (i + 1) / n - x);
  });
  return Math.sqrt(n) * distance;
}

/** Pearson's statistic of the byte of every element that begins at that bit; mean 255, standard deviation 22.6. */
function chiSquareOfByte(elements: Float64Array, bit: number): number {
  const counts = new Array<number>(256).fill(0);
  for (const x of elements) counts[Math.floor(x / 2 ** bit) % 256]!++;
  const expected = elements.length / 256;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

function assertUniform(elements: Float64Array, what: string): void {
  assert.ok(
    elements.every((x) => Number.isInteger(x) && x >= 0 && x < RING),
    what,
  );
  assert.ok(kolmogorov(elements) < 2.2, `${what}: not uniform`);
  for (const bit of [0, 8, 24, 40]) {
    assert.ok(chiSquareOfByte(elements, bit) < 255 + 5 * 22.6, `${what}: byte at bit ${bit} not uniform`);
  }
}

test("toRing: two's complement in 48 bits with 32 after the point", () => {
  const updates = [Float32Array.of(0, 1, -1, 1.5, 2 ** -32, -(2 ** -32), 2 ** -34, -(2 ** -34)), new Float32Array(8)];
  // 1 = 2^32, -1 = 2^48 - 2^32, 1.5 = 3 * 2^31; a quarter of the last place rounds to 0
  const expected = [0, 2 ** 32, RING - 2 ** 32, 3 * 2 ** 31, 1, RING - 1, 0, 0];
  assert.deepEqual([...toRing(updates, 0)], expected);
});

test("aggregateMasked: the mean of values that the ring holds exactly", () => {
  // (1 + 3) / 2 = 2, (2 + 5) / 2 = 3.5, (-4 + 1) / 2 = -1.5
  const masked = maskUpdates([Float32Array.of(1, 2, -4), Float32Array.of(3, 5, 1)], createRng(1));
  assert.deepEqual(aggregateMasked(masked), Float32Array.of(2, 3.5, -1.5));
});

test("maskUpdates: masks cancel to the bit for any number of clients", () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 12 }), fc.integer({ min: 0, max: 40 }), fc.integer(), (m, d, seed) => {
      const rng = createRng(seed);
      const largest = (2 ** 15 / m) * (1 - 2 ** -23);
      const updates = Array.from({ length: m }, () =>
        Float32Array.from({ length: d }, () => (2 * rng.uniform() - 1) * largest * 10 ** -rng.integer(12)),
      );
      const plain = sumMasked(updates.map((_, client) => toRing(updates, client)));
      assert.deepEqual(sumMasked(maskUpdates(updates, rng)), plain);
      // Oracle: the same sum in integers without limit
      for (let k = 0; k < d; k++) {
        const exact = updates.reduce((sum, update) => sum + BigInt(Math.round(update[k]! * 2 ** 32)), 0n);
        assert.equal(BigInt(plain[k]!), BigInt.asUintN(48, exact));
      }
    }),
    { numRuns: 60, seed: 1 },
  );
});

test("aggregateMasked: the plain mean within half the last place and a float32's rounding", () => {
  for (const scale of [1e-6, 1e-2, 1, 500]) {
    const updates = normals(10, 500, scale);
    const mean = aggregateMasked(maskUpdates(updates, createRng(2)));
    for (let k = 0; k < 500; k++) {
      const plain = updates.reduce((sum, update) => sum + update[k]!, 0) / 10;
      // Each value is rounded by at most 2^-33, so is their mean; a float32 then rounds by a relative 2^-24.
      assert.ok(Math.abs(mean[k]! - plain) <= 2 ** -33 + 2 ** -24 * Math.abs(plain), `scale ${scale}, coordinate ${k}`);
    }
  }
});

test("aggregateMasked: sums at the edge of the range do not wrap", () => {
  const edge = 2 ** 14 - 2 ** -10; // the largest float32 below 2^15 / 2
  const updates = [Float32Array.of(edge, -edge), Float32Array.of(edge, -edge)];
  assert.deepEqual(aggregateMasked(maskUpdates(updates, createRng(3))), Float32Array.of(edge, -edge));
});

test("maskUpdates: every client's vector looks uniform to the server whatever it hides", () => {
  const d = 50_000;
  const zeros = Array.from({ length: 4 }, () => new Float32Array(d));
  const constant = Array.from({ length: 4 }, () => new Float32Array(d).fill(0.125));
  for (const [name, updates] of Object.entries({ zeros, constant, normal: normals(4, d) })) {
    const masked = maskUpdates(updates, createRng(4));
    masked.forEach((elements, client) => assertUniform(elements, `${name}, client ${client}`));
    // Any M - 1 of them together: partial sums are uniform too.
    assertUniform(sumMasked(masked.slice(0, 2)), `${name}, two of four`);
    assertUniform(sumMasked(masked.slice(1)), `${name}, three of four`);
  }
});

test("assertUniform: notices an unmasked update", () => {
  assert.throws(() => assertUniform(toRing(normals(2, 50_000), 0), "plain"), /not uniform/);
});

test("maskUpdates: masked vectors are uncorrelated with what they hide and with each other", () => {
  const d = 50_000;
  const updates = normals(3, d);
  const masked = maskUpdates(updates, createRng(5));
  const limit = 4 / Math.sqrt(d); // four standard errors
  for (let i = 0; i < 3; i++) {
    for (let j = 0; j < 3; j++) assert.ok(Math.abs(jStat.corrcoeff(updates[i]!, masked[j]!)) < limit);
    for (let j = 0; j < i; j++) assert.ok(Math.abs(jStat.corrcoeff(masked[i]!, masked[j]!)) < limit);
  }
  // The difference of two clients' vectors holds no trace of the difference of their updates either.
  const difference = (a: ArrayLike<number>, b: ArrayLike<number>, ring: number): Float64Array =>
    Float64Array.from({ length: d }, (_, k) => (a[k]! - b[k]! + ring) % (ring || Infinity));
  const hidden = difference(updates[0]!, updates[1]!, 0);
  const seen = difference(masked[0]!, masked[1]!, RING);
  assert.ok(Math.abs(jStat.corrcoeff(hidden, seen)) < limit);
});

test("maskUpdates: other masks in every round, the same for the same stream", () => {
  const updates = normals(3, 2000);
  const rng = createRng(6);
  const round = (k: number): Float64Array => maskUpdates(updates, rng.split("secureAggregation", k))[0]!;
  assert.deepEqual(round(1), round(1));
  const [first, second] = [round(1), round(2)];
  assert.equal(first.filter((x, k) => x === second[k]).length, 0);
  assertUniform(
    Float64Array.from(first, (x, k) => (x - second[k]! + RING) % RING).slice(0, 2000),
    "difference of rounds",
  );
});

test("maskUpdates: each pair has a mask of its own", () => {
  // Of zeros, client 0 of three sends mask(0, 1) + mask(0, 2), and client 2 sends - mask(0, 2) - mask(1, 2).
  const masked = maskUpdates(
    [0, 1, 2].map(() => new Float32Array(100)),
    createRng(7),
  );
  for (const [i, j] of [
    [0, 1],
    [0, 2],
    [1, 2],
  ] as const) {
    assert.notDeepEqual(masked[i], masked[j]);
    assert.notDeepEqual(sumMasked([masked[i]!, masked[j]!]), new Float64Array(100));
  }
  assert.deepEqual(sumMasked(masked), new Float64Array(100));
});

test("aggregateMasked: garbage when one client's vector is missing", () => {
  const d = 20_000;
  const updates = normals(5, d, 0.01);
  for (let missing = 0; missing < 5; missing++) {
    const mean = aggregateMasked(maskUpdates(updates, createRng(8)).filter((_, client) => client !== missing));
    const rest = updates.filter((_, client) => client !== missing);
    const plain = Float64Array.from({ length: d }, (_, k) => rest.reduce((sum, update) => sum + update[k]!, 0) / 4);
    assert.ok(Math.abs(jStat.corrcoeff(mean, plain)) < 4 / Math.sqrt(d));
    // Uniform over ±2^15 / 4 has mean |x| = 2^12; the true mean is about 0.004.
    const size = mean.reduce((sum, x) => sum + Math.abs(x), 0) / d;
    assert.ok(Math.abs(size - 4096) < 100);
  }
});

test("maskUpdates: leaves its input as it was", () => {
  const updates = normals(2, 10);
  const copy = updates.map((update) => update.slice());
  maskUpdates(updates, createRng(9));
  assert.deepEqual(updates, copy);
});

test("maskUpdates: refuses a lone client, unequal lengths, and values out of range by client and coordinate", () => {
  const rng = createRng(10);
  const mask =
    (...updates: readonly number[][]) =>
    () =>
      maskUpdates(
        updates.map((u) => Float32Array.from(u)),
        rng,
      );
  assert.throws(
    mask([1]),
    /^InputError: maskUpdates: needs at least 2 updates, as nothing hides a lone client, got 1$/,
  );
  assert.throws(mask([1, 2], [1]), /maskUpdates: needs updates of one length, 2, got 1 of client 1/);
  assert.throws(
    mask([0, 0], [0, 2 ** 14]),
    /= ±16384\.0, got 16384 at coordinate 1 of client 1; a smaller learning rate/,
  );
  assert.throws(mask([0], [-11000], [0]), /= ±10922\.7, got -11000 at coordinate 0 of client 1/);
  assert.throws(mask([0, NaN], [0, 0]), /got NaN at coordinate 1 of client 0/);
  assert.throws(mask([0], [-Infinity]), /got -Infinity at coordinate 0 of client 1/);
});

test("maskUpdates: of a client that does not check its range the sum is off by a multiple of 2^16, to the bit", () => {
  const sizes = fc.double({ min: -3.4e38, max: 3.4e38, noNaN: true }).map(Math.fround);
  const any = fc.oneof(sizes, fc.double({ min: -1e6, max: 1e6, noNaN: true }).map(Math.fround));
  fc.assert(
    fc.property(any, fc.float({ min: -5000, max: 5000, noNaN: true }), (sent, honest) => {
      const updates = [Float32Array.of(honest), Float32Array.of(sent), Float32Array.of(1)];
      const sum = sumMasked(maskUpdates(updates, createRng(11), [1]))[0]!;
      // Oracle: integers without limit; a float32 times 2^32 is one, or is rounded where it is small enough for a float64 to hold it
      const exact = updates.reduce((total, [x]) => total + BigInt(Math.round(x! * 2 ** 32)), 0n);
      assert.equal(BigInt(sum), BigInt.asUintN(48, exact));
    }),
    { numRuns: 300 },
  );
  assert.throws(
    () => maskUpdates([Float32Array.of(1), Float32Array.of(NaN)], createRng(1), [1]),
    /maskUpdates: needs finite numbers, got NaN at coordinate 0 of client 1/,
  );
});

test("fitsRing: is what toRing takes", () => {
  for (const [value, fits] of [
    [16383, true],
    [-16383, true],
    [16384, false],
    [-16384, false],
    [NaN, false],
    [Infinity, false],
  ] as const) {
    // prettier-ignore
    const updates = [Float32Array.of(0, value), Float32Array.of(0, 0)];
    assert.equal(fitsRing(updates[0]!, 2), fits);
    if (fits) toRing(updates, 0);
    else assert.throws(() => toRing(updates, 0), /^InputError: maskUpdates: needs every coordinate/);
  }
});

test("sumMasked: refuses no updates and unequal lengths", () => {
  assert.throws(
    () => maskUpdates([], createRng(1)).concat(aggregateMasked([]) as never),
    /needs at least one masked update, got 0/,
  );
  assert.throws(
    () => sumMasked([new Float64Array(2), new Float64Array(3)]),
    /sumMasked: needs 2 elements, got 3 of client 1/,
  );
});
