/** @file A gradient kept as a product against the matrix that it is. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { backendReady, dispose, tf, tidy, type Tensor } from "../../core/backend";
import { perReplica } from "../../core/ops";
import { createRng } from "../../core/rng";
import { against, asTensor, product, productNorms } from "./product";

before(backendReady);

const [S, B, O, F] = [3, 2, 4, 5] as const;

function drawn(name: string, shape: number[]): Tensor {
  return tf.tensor(createRng(name).normals(shape.reduce((a, b) => a * b, 1)), shape);
}

function assertClose(a: Tensor, b: Tensor, what: string): void {
  assert.deepEqual(a.shape, b.shape, what);
  const [x, y] = [a.dataSync(), b.dataSync()];
  x.forEach((value, i) => assert.ok(Math.abs(value - y[i]!) < 1e-5, `${what}: ${value} and ${y[i]}`));
}

test("against, productNorms: equal the matrices G = d' x and V = own G - T when those are made", () => {
  const made = tidy(() => {
    const [d, x, target] = [drawn("d", [S, B, O]), drawn("x", [S, B, F]), drawn("T", [S, O, F])];
    const own = perReplica(tf.tensor1d([0.5, -2, 1]), 3);
    const g = product(d, x);
    const { dots, blend } = against(g, target);
    const matrix = asTensor(g);
    const v = tf.sub(tf.mul(own, matrix), target);
    const { alongX, alongD } = blend(own);
    return {
      norms: [productNorms(g), tf.sum(tf.square(matrix), [1, 2])],
      dots: [dots, tf.sum(tf.mul(matrix, target), [1, 2])],
      "x V'": [alongX(), tf.matMul(x, v, false, true)],
      "d V": [alongD(), tf.matMul(d, v)],
    };
  });
  for (const [what, [fast, slow]] of Object.entries(made)) assertClose(fast!, slow!, what);
  dispose(made);
});
