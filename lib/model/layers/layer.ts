/**
 * @file What a layer is: four functions. Forward, backward, and the directional derivative of each along a direction v in
 * weight space (Pearlmutter's R-operator: R{f} = d/dt f(w + t v) at t = 0).
 *
 * Gradient matching needs the gradient of D(grad_w L(x)) with respect to x. With v = dD/dg held fixed that is
 * grad_x <grad_w L, v> = R{grad_x L}: one forward, one backward, and their R twins. The same passes give R{grad_w L} = H v, the
 * Hessian times a vector. No tape is kept, and no second derivative is asked of TensorFlow.js, whose nested gradients are silently
 * wrong for ops that reuse their output.
 *
 * Source: Pearlmutter, "Fast exact multiplication by the Hessian", Neural Computation 6(1), 1994.
 */
import type { Tensor } from "../../core/backend";
import type { Shape } from "../../core/types";
import type { Direction, Gradient } from "./product";

/** A trainable tensor of a layer. Public vectors hold it flattened in row-major order of `shape`. */
export interface Parameter {
  readonly name: string;
  readonly shape: Shape; // without the replica axis; convolution filters are [O, C, k, k], dense weights [out, in]
  readonly isMatrix?: boolean; // its gradient is kept as a Product
  readonly fanIn: number; // inputs of one output unit; initial weights are U(-1/sqrt(fanIn), 1/sqrt(fanIn))
  readonly constant?: number; // what it starts at instead, all of it
  /** [S, prod(shape)] -> the layout in which the layer computes. */
  readonly unpack: (flat: Tensor) => Tensor;
  /** The layer's layout -> [S, prod(shape)]. */
  readonly pack: (value: Tensor) => Tensor;
}

/** A forward pass through a layer. */
export interface Trace {
  readonly output: Tensor;
  /** The gradients of a scalar loss L, given dL/d output; what is not wanted is left out (null, or no weights). */
  backward(outputGradient: Tensor, want: Want): Gradients;
  /** R{forward}: the change of this pass when the weights move along `direction` and the input along inputR (null: fixed). */
  along(direction: readonly Direction[], inputR: Tensor | null): TraceR;
}

/** What a backward pass is for. A layer without weights gives its input's gradient whatever is wanted. */
export type Want = "weights" | "input" | "both";

/** dL/d of everything a layer touches. */
export interface Gradients {
  readonly outputGradient: Tensor;
  readonly input: Tensor | null;
  readonly weights: readonly Gradient[];
  readonly inner: readonly Gradients[]; // of the layers inside a composite, in forward order; else empty
}

/** A pass in the direction of the R-operator. */
export interface TraceR {
  readonly outputR: Tensor | null; // null where nothing upstream moves
  /**
   * R{backward}: how the gradients move, given those of the same pass and R{dL/d output}. What is not wanted is left out. Where the
   * input moves too, the gradients must be those of a pass that wanted "both".
   */
  backward(gradients: Gradients, outputGradientR: Tensor, want: Want): GradientsR;
}

/** R{dL/d input} and R{dL/dw}. Along a direction v in the weights alone they are grad_x <grad_w L, v> and the product H v. */
export type GradientsR = Pick<Gradients, "input" | "weights">;

/**
 * A layer acts on S replicas at once: images [B, H, W, S·C], channels last and a replica's channels side by side, or features
 * [S, B, F]. Its weights are tensors of a layout of its own that holds all replicas.
 */
export interface Layer {
  readonly kind: string;
  readonly inputShape: Shape; // [C, H, W] or [F]
  readonly outputShape: Shape;
  readonly parameters: readonly Parameter[];
  readonly parts?: readonly Layer[]; // of layers one after the other
  forward(input: Tensor, weights: readonly Tensor[]): Trace;
}
