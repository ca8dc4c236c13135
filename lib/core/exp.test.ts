import assert from "node:assert/strict";
import { before, test } from "node:test";
import { backendReady, tf, tidy } from "./backend";
import { exp } from "./exp";
import { createRng } from "./rng";

before(backendReady);

test("exp: is e^x to float32's digits", () => {
  const x = [-80, -3.5, -1e-6, 0, 0.5, 1, 10.25, 80];
  const values = tidy(() => exp(tf.tensor(x, [2, 2, 2])));
  assert.deepEqual(values.shape, [2, 2, 2]);
  values.dataSync().forEach((value, i) => assert.ok(Math.abs(value / Math.exp(x[i]!) - 1) < 3e-7, `exp(${x[i]})`));
  values.dispose();
});

test("exp: gives a number the same bits wherever it stands, in tensors of any size", () => {
  const x = createRng("exp").normals(70);
  const of = (numbers: Float32Array): Float32Array => tidy(() => exp(tf.tensor1d(numbers)).dataSync<"float32">());
  const together = of(x);
  for (let size = 1; size < x.length; size++) {
    assert.deepEqual(of(x.subarray(0, size)), together.subarray(0, size));
    assert.deepEqual(of(x.subarray(size)), together.subarray(size));
  }
});

test("exp: keeps its result and no other tensor", () => {
  const x = tf.zeros([3]);
  const tensors = tf.memory().numTensors;
  const y = tidy(() => exp(x));
  assert.equal(tf.memory().numTensors, tensors + 1);
  tf.dispose([x, y]);
});
