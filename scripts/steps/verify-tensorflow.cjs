/** @file Loads the native TensorFlow and checks one operation, in a process of its own because a bad library crashes it. */
process.on("uncaughtException", (error) => {
  console.error(error.message);
  process.exit(1);
});

const util = require("node:util");
// Node 23 dropped both; tfjs-node 4.22 calls them.
util.isNullOrUndefined = (value) => value === null || value === undefined;
util.isArray = Array.isArray;

const tf = require("@tensorflow/tfjs-node");

const product = [
  ...tf
    .matMul(
      [
        [1, 2],
        [3, 4],
      ],
      [[5], [6]],
    )
    .dataSync(),
];
if (tf.getBackend() !== "tensorflow" || product.join() !== "17,39")
  throw new Error(`expected [17, 39] of backend tensorflow, got [${product}] of ${tf.getBackend()}`);
process.stdout.write(JSON.stringify({ version: tf.backend().binding.TF_Version }));
