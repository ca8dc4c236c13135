import assert from "node:assert/strict";
import { test } from "node:test";
import type { NamedArray } from "../files/namedArray";
import { stateDictOf } from "../model/buildNetwork";
import type { Shape } from "../core/types";
import { volume } from "../model/stack";
import { toCheckpoint } from "./weights";

const state = stateDictOf("lenet5", [1, 28, 28], 10);
const size = 61_706;
const all = Float32Array.from({ length: size }, (_, i) => i);

/** The arrays of a state_dict by other names, holding 0, 1, 2, … in the model's order. */
const arraysNamed = (names: readonly string[], of = state): NamedArray[] => {
  let at = 0;
  return of.map(({ shape }, i) => {
    const values = all.slice(at, (at += volume(shape)));
    return { name: names[i]!, shape, dtype: "float32", values };
  });
};
const one = (shape: Shape, values = all.slice(0, volume(shape))): NamedArray => ({ name: "", shape, dtype: "float32", values }); // prettier-ignore
const inOrder = state.map((_, i) => `arr_${i}`);
const torch = ["conv1", "conv2", "fc1", "fc2", "fc3"].flatMap((name) => [`${name}.weight`, `${name}.bias`]);
const sorted = (arrays: readonly NamedArray[]): NamedArray[] => [...arrays].sort((a, b) => (a.name < b.name ? -1 : 1));

test("toCheckpoint: a flat vector, and arrays in order, by name and sorted by name are the same weights", () => {
  const own = state.map(({ name }) => name);
  for (const arrays of [
    [one([size])],
    arraysNamed(inOrder),
    arraysNamed(torch),
    sorted(arraysNamed(torch)),
    sorted(arraysNamed(torch.map((name) => `module.${name}`))),
    [...arraysNamed(own)].reverse(),
  ])
    assert.deepEqual(toCheckpoint(arrays, state, "w").weights, all);
});

test("toCheckpoint: sorted arrays are taken module by module, with a word where shapes cannot tell", () => {
  const list = stateDictOf([...Array.from({ length: 12 }, () => ({ linear: 4 })), { linear: 10 }].flatMap((one, i) => (i === 0 ? ["flatten" as const, one] : [one])), [1, 2, 2]); // prettier-ignore
  const names = list.map(({ name }, i) => `layers.${Math.floor(i / 2)}.${name.split(".")[1]!}`);
  const arrays = arraysNamed(names, list);
  const { weights, note } = toCheckpoint(sorted(arrays), list, "w.safetensors"); // layers.10 stands before layers.2
  assert.deepEqual(weights, all.slice(0, weights.length));
  assert.match(note!, /sorted by name and some have the same shape.* layers.2.weight, .*layers.10.weight/);
  assert.equal(toCheckpoint(sorted(arraysNamed(torch)), state, "w").note, null);
});

test("toCheckpoint: takes statistics of batch normalisations, and leaves their counter", () => {
  const model = [{ conv2d: { out: 2, kernel: 3 } }, { batchNorm2d: {} }, "relu", "flatten", { linear: 3 }] as const;
  const list = stateDictOf(model, [1, 4, 4], 3);
  const names = list.map((_, i) => `arr_${i}`);
  for (const arrays of [
    arraysNamed(names, list),
    arraysNamed(names, list).filter((_, i) => list[i]!.shape.length > 0),
  ]) {
    const { weights, buffers } = toCheckpoint(arrays, list, "w");
    assert.equal(weights.length, 2 * 9 + 2 + 4 + 3 * 8 + 3);
    assert.deepEqual(Array.from(buffers["1.running_mean"]!), [24, 25]);
    assert.deepEqual(Array.from(buffers["1.running_var"]!), [26, 27]);
    assert.equal(weights[24], arrays.at(-2)!.values[0]);
  }
  assert.throws(() => toCheckpoint([one([51])], list, "w"), /needs the statistics of batch normalisations/);
});

test("toCheckpoint: says how coarsely weights were saved", () => {
  const saved = (dtype: NamedArray["dtype"]): number => toCheckpoint([{ ...one([size]), dtype }], state, "w").rounding;
  assert.deepEqual([saved("float32"), saved("float64"), saved("float16")], [2 ** -24, 2 ** -24, 2 ** -12]);
});

const swapped = arraysNamed(inOrder).map((array, i) =>
  i === 4 ? { ...array, shape: [...array.shape].reverse() } : array,
);
const refused: readonly [what: string, arrays: readonly NamedArray[], message: RegExp][] = [
  ["a flat vector of another length", [one([size - 1])], /needs the model's 61706 weights in w.npz, got 61705 in one vector/],
  ["an array too few", arraysNamed(inOrder).slice(1), /needs the model's 10 arrays in w.npz, got 9, which differ; the model's and the file's: 0.weight \[6, 1, 5, 5\] ≠ arr_1 \[6\]/],
  ["an array too many", [...arraysNamed(inOrder), one([3])], /got 11, which differ.*nothing ≠ \[3\]/],
  ["arrays that fit by count but not by shape", swapped, /2.weight \[120, 400\] ≠ arr_4 \[400, 120\]; 2.bias \[120\] = arr_5 \[120\]/],
  ["integers", [{ name: "", shape: [size], dtype: "int32", values: new Int32Array(size) }], /needs floats as weights of w.npz, got int32/],
]; // prettier-ignore
for (const [what, arrays, message] of refused)
  test(`toCheckpoint: refuses ${what} in one line`, () => {
    assert.throws(
      () => toCheckpoint(arrays, state, "w.npz"),
      (error: Error) => {
        assert.match(error.message, message);
        assert.doesNotMatch(error.message, /\n/);
        return true;
      },
    );
  });
