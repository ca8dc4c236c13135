/** @file TensorFlow's own kernels, by their own names: those that TensorFlow.js has no function for. */
import { backend, tf, type Tensor } from "./backend";

/** Attributes of a kernel by name. Where the name begins with T the value is a data type, as in TensorFlow's own definitions. */
export type Attributes = Readonly<Record<string, string | boolean | number | readonly number[]>>;

/** What this file needs of TensorFlow.js' native backend. */
interface NativeBackend {
  readonly binding: Readonly<Record<string, number>>;
  executeMultipleOutputs(name: string, attributes: object[], inputs: readonly Tensor[], outputs: number): Tensor[];
}

/**
 * Runs one of TensorFlow's kernels. There are none on the wasm backend.
 *
 * @param inputs in the kernel's order
 * @param outputs how many tensors come out, default 1
 * @returns the outputs; the caller's tidy owns them
 * @example
 * runKernel("ReluGrad", { T: "float" }, [tf.tensor1d([5, 6]), tf.tensor1d([0, 2])])[0].dataSync(); // [0, 6]
 */
export function runKernel(name: string, attributes: Attributes, inputs: readonly Tensor[], outputs = 1): Tensor[] {
  const native = tf.backend() as unknown as NativeBackend;
  const { binding } = native;
  const given = Object.entries(attributes).map(([key, value]) => {
    if (key.startsWith("T"))
      return { name: key, type: binding["TF_ATTR_TYPE"], value: binding[`TF_${String(value).toUpperCase()}`] };
    const kind = typeof value === "string" ? "STRING" : typeof value === "boolean" ? "BOOL" : "INT";
    return { name: key, type: binding[`TF_ATTR_${kind}`], value };
  });
  return native.executeMultipleOutputs(name, given, inputs, outputs);
}

/** Whether kernels may be run by name. */
export const hasKernels: boolean = backend.name === "tensorflow";
