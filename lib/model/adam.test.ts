import assert from "node:assert/strict";
import { before, test } from "node:test";
import { backendReady, dispose, tf, tidy, type Tensor } from "../core/backend";
import { adamStart, adamStep, cosineDecay, type AdamState } from "./adam";

before(backendReady);

/** Steps on the parameters given, with gradients as a function of the values; returns the values after each step. */
function follow(start: readonly number[], gradient: (values: number[], step: number) => number[], rates: number[]) {
  let parameters: Tensor[] = [tf.tensor1d([...start])];
  let state: AdamState = adamStart(parameters);
  const path: number[][] = [];
  for (const [step, rate] of rates.entries()) {
    const values = [...parameters[0]!.dataSync()];
    const next = tidy(() => adamStep(parameters, [tf.tensor1d(gradient(values, step))], state, rate));
    dispose([parameters, state.first, state.second]);
    ({ parameters, state } = next);
    path.push([...parameters[0]!.dataSync()]);
  }
  assert.equal(state.step, rates.length);
  dispose([parameters, state.first, state.second]);
  return path;
}

test("adamStep: equals the first two steps worked by hand", () => {
  // p = 1, rate 0.1, gradients 0.5 then -1.
  // Step 1: m = 0.05, v = 0.00025; m / 0.1 = 0.5, v / 0.001 = 0.25, sqrt = 0.5: p = 1 - 0.1 · 0.5 / 0.5 = 0.9.
  // Step 2: m = 0.9 · 0.05 - 0.1 = -0.055, v = 0.999 · 0.00025 + 0.001 = 0.00124975; m / 0.19 = -0.2894737,
  //         v / 0.001999 = 0.6251876, sqrt = 0.7906880: p = 0.9 + 0.1 · 0.2894737 / 0.7906880 = 0.9366104.
  const [[first], [second]] = follow([1], (_, step) => [[0.5, -1][step]!], [0.1, 0.1]) as [[number], [number]];
  assert.ok(Math.abs(first - 0.9) < 1e-6, `${first}`);
  assert.ok(Math.abs(second - 0.9366104) < 1e-6, `${second}`);
});

test("adamStep: leaves a parameter where it is when its gradient is 0", () => {
  assert.deepEqual(follow([3, 3], () => [0, 2], [0.5])[0]![0], 3);
});

test("adamStep: moves by the rate at first whatever the gradient's size", () => {
  const [moved] = follow([0, 0, 0], () => [1e-3, -1, 1e6], [0.01]) as [number[]];
  for (const [i, expected] of [-0.01, 0.01, -0.01].entries()) assert.ok(Math.abs(moved[i]! - expected) < 1e-6, `${i}`);
});

test("adamStep: reaches the minimum of a quadratic with a condition number of 100", () => {
  // f = (x - 2)^2 + 100 (y + 1)^2
  const rates = Array.from({ length: 300 }, (_, step) => cosineDecay(0.1, step, 300));
  const path = follow([0, 0], ([x, y]) => [2 * (x! - 2), 200 * (y! + 1)], rates);
  const [x, y] = path.at(-1) as [number, number];
  assert.ok(Math.hypot(x - 2, y + 1) < 0.01, `${x}, ${y}`);
});

test("adamStep: treats every tensor of the list by itself", () => {
  const [a, b] = tidy(() => {
    const parameters = [tf.scalar(1), tf.scalar(1)];
    const { parameters: moved } = adamStep(parameters, [tf.scalar(4), tf.scalar(-4)], adamStart(parameters), 0.1);
    return moved;
  }) as [Tensor, Tensor];
  const found = [a.dataSync()[0]!, b.dataSync()[0]!];
  dispose([a, b]);
  assert.ok(Math.abs(found[0]! - 0.9) < 1e-6 && Math.abs(found[1]! - 1.1) < 1e-6, String(found));
});

test("cosineDecay: goes from the rate through 0.55 of it to a tenth", () => {
  // halfway: 0.1 + 0.9 (1 + cos(pi / 2)) / 2 = 0.55
  assert.equal(cosineDecay(2, 0, 10), 2);
  assert.ok(Math.abs(cosineDecay(2, 5, 10) - 1.1) < 1e-12);
  assert.ok(Math.abs(cosineDecay(2, 10, 10) - 0.2) < 1e-12);
});
