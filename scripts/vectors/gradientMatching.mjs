/** @file Gradient matching through LeNet-5: models, images and labels by formula, compared in norms and single values. */

/** Layers in PyTorch's order and layout (O I H W; dense [out, in]): weight, bias, weight, … */
const SHAPES = [[6, 1, 5, 5], [6], [16, 6, 5, 5], [16], [120, 400], [120], [84, 120], [84], [10, 84], [10]];
const SIDE = 28;
const POOLINGS = { avg: "average", max: "max" }; // the reference's words, and ours
const RELATIVE = 1e-3; // float32 against float64, through two derivatives

const product = (shape) => shape.reduce((total, side) => total * side, 1);
const norm = (values) => Math.hypot(...values);
const sum = (values) => values.reduce((total, value) => total + value, 0);

/** value = a sin(0.7 i + 1.3 l) + 0.5 a cos(0.11 i (l + 1)), a = 2 scale s, s = 1/sqrt(fan-in) for weights and 0.3 for biases. */
function weightsOf(scale) {
  const layers = SHAPES.map((shape, l) => {
    const a = 2 * scale * (shape.length > 1 ? 1 / Math.sqrt(product(shape.slice(1))) : 0.3);
    const value = (_, i) => a * Math.sin(0.7 * i + 1.3 * l) + 0.5 * a * Math.cos(0.11 * i * (l + 1));
    return Array.from({ length: product(shape) }, value);
  });
  return Float32Array.from(layers.flat());
}

/** Images (first + b, j) for b = 0..size-1: image(i, j)[row, col] = 0.5 + 0.4 sin(col / (2 + i) + j) cos(row / (3 + j) + i). */
function batchOf(first, j, labels) {
  const size = labels.length;
  const images = new Float32Array(size * SIDE * SIDE);
  let at = 0;
  for (let i = first; i < first + size; i++)
    for (let row = 0; row < SIDE; row++)
      for (let col = 0; col < SIDE; col++)
        images[at++] = 0.5 + 0.4 * Math.sin(col / (2 + i) + j) * Math.cos(row / (3 + j) + i);
  return { images, labels: Int32Array.from(labels), size };
}

/** The one place that calls the engine: gradient, distance from the observed gradient, and its derivative by the dummy images. */
function matching(library, { activation, pool }) {
  const network = library.buildNetwork("lenet5", [1, SIDE, SIDE], 10, { activation, pooling: POOLINGS[pool] ?? pool });
  return (weights, batch, observed, objective) =>
    library.gradientMatching(network, weights, batch, observed, objective);
}

/**
 * What a single value of a vector may be off: RELATIVE of the vector's root mean square, since relative to the value itself a
 * value near 0 could never agree.
 */
const elementTolerance = (norm, count) => (RELATIVE * norm) / Math.sqrt(count);

/** Compares loss and gradient of the private batch, and both distances of the dummy batch with their derivatives. */
export async function checkGradientMatching(library, entry) {
  const match = matching(library, entry);
  const weights = weightsOf(entry.scale);
  const privateBatch = batchOf(0, entry.seed, entry.labels);
  const dummyBatch = batchOf(3, entry.seed + 1, entry.labels);
  const { loss, gradient } = await match(weights, privateBatch, new Float32Array(weights.length), "squared");
  const relative = (what, got, expected) => ({ what, got, expected, tolerance: RELATIVE * Math.abs(expected) });
  const comparisons = [relative("loss", loss, entry.loss)];

  let at = 0;
  entry.gradient_layers.forEach((layer, l) => {
    const values = gradient.subarray(at, (at += product(layer.shape)));
    const what = `gradient of layer ${l}`;
    comparisons.push(relative(`${what}, norm`, norm(values), layer.norm), {
      what: `${what}, first3`,
      got: values.subarray(0, 3),
      expected: layer.first3,
      tolerance: elementTolerance(layer.norm, values.length),
    });
  });
  for (const objective of ["squared", "cosine"]) {
    const found = await match(weights, dummyBatch, gradient, objective);
    const expected = entry[`d_${objective}_distance_d_dummy`];
    const what = `${objective} distance`;
    const pixels = [...found.imagesGradient];
    const sampled = pixels.filter((_, i) => i % 97 === 0).slice(0, expected.every_97th.length); // the file keeps 24 at most
    comparisons.push(
      relative(what, found.distance, entry[`${objective}_distance`]),
      relative(`derivative of ${what}, norm`, norm(pixels), expected.norm),
      {
        what: `derivative of ${what}, sum`,
        got: sum(pixels),
        expected: expected.sum,
        tolerance: RELATIVE * expected.norm,
      },
      {
        what: `derivative of ${what}, every 97th`,
        got: sampled,
        expected: expected.every_97th,
        tolerance: elementTolerance(expected.norm, pixels.length),
      },
    );
  }
  return { comparisons };
}
