/** @file Quadratic forms of an inverse that nobody computes, from below. */
import { dispose, tf, tidy, type Tensor } from "../core/backend";

/** K: rows [R, n] to rows [R, m], each by itself, and K' back. */
export interface LinearMap {
  readonly forward: (rows: Tensor) => Tensor;
  readonly adjoint: (rows: Tensor) => Tensor;
}

/** A = ridge + K' K. */
export interface NormalMatrix extends LinearMap {
  readonly ridge: number; // >= 0
}

/** When conjugate gradients stop. */
export interface Patience {
  readonly iterations: number; // at most
  readonly tolerance: number; // at residuals of so much of b in every row
}

/** What inverseForms finds. */
export interface InverseForms {
  readonly values: number[]; // [R]
  readonly residual: number; // the largest |b - A y| / |b| of the rows, as the recursion has it; 0 where b is 0
  readonly iterations: number; // taken
}

/**
 * Lower bounds on b' A^-1 b, A = ridge + K' K, for rows b.
 *
 *     b' A^-1 b  =  max over y of  (b' y)^2 / (ridge |y|^2 + |K y|^2)        (Cauchy-Schwarz)
 *
 * Conjugate gradients look for the y = A^-1 b that attains it. Whatever they have found when they stop, and however float32 rounded on
 * the way, the quotient there is a lower bound, up to the rounding of K y. In the directions that A hardly sees it is far below.
 *
 * @param matrix K, K' and the ridge
 * @param b [R, n]
 * @param patience when to stop
 * @returns the bounds, Infinity where a direction with a share in b was met that A does not see at all
 * @example
 * const [a] = [tf.tensor2d([[2, 0], [0, 1]])];
 * const K = { forward: (y) => tf.matMul(y, a), adjoint: (v) => tf.matMul(v, a), ridge: 1 };
 * inverseForms(K, tf.ones([1, 2]), { iterations: 5, tolerance: 1e-6 }).values; // [0.7000]; 1/5 + 1/2
 * @source Hestenes and Stiefel 1952; Golub and Meurant 2010, Matrices, moments and quadrature (conjugate gradients as lower bounds)
 */
export function inverseForms(matrix: NormalMatrix, b: Tensor, { iterations, tolerance }: Patience): InverseForms {
  const { forward, adjoint, ridge } = matrix;
  const dot = (u: Tensor, v: Tensor): Tensor => tf.sum(tf.mul(u, v), 1, true);
  const energy = (y: Tensor, Ky: Tensor): Tensor => tf.add(dot(Ky, Ky), tf.mul(dot(y, y), ridge));
  const or0 = (x: Tensor, condition: Tensor): Tensor => tf.where(condition, x, tf.zerosLike(x)); // where x may be NaN

  let state = tidy(() => ({ y: tf.zerosLike(b), r: tf.clone(b), p: tf.clone(b), squares: dot(b, b) }));
  const start = numbers(state.squares);
  const isUnseen = start.map(() => false);
  let left: number[] = start.map((x) => (x > 0 ? 1 : 0));
  let done = 0;
  for (; done < iterations && Math.max(...left) > tolerance; done++) {
    const { y, r, p, squares } = state;
    const next = tidy(() => {
      const Kp = forward(p);
      const curvature = energy(p, Kp);
      const isSeen = tf.greater(curvature, 0);
      const step = or0(tf.div(squares, curvature), isSeen);
      const turned = tf.sub(r, tf.mul(tf.add(adjoint(Kp), tf.mul(p, ridge)), step));
      const moved = dot(turned, turned);
      const along = or0(tf.div(moved, squares), tf.greater(squares, 0));
      return {
        curvature,
        state: {
          y: tf.add(y, tf.mul(p, step)),
          r: turned,
          p: tf.add(turned, tf.mul(p, along)),
          squares: moved,
        },
      };
    });
    const [before, curvature] = [numbers(squares), numbers(next.curvature)];
    before.forEach((square, i) => (isUnseen[i] ||= square > 0 && curvature[i] === 0));
    dispose([state, next.curvature]);
    state = next.state;
    left = numbers(state.squares).map((square, i) =>
      start[i]! > 0 && !isUnseen[i] ? Math.sqrt(square / start[i]!) : 0,
    );
  }
  const { y } = state;
  const quotient = tidy(() => ({ top: dot(b, y), bottom: energy(y, forward(y)) }));
  const [top, bottom] = [numbers(quotient.top), numbers(quotient.bottom)];
  dispose([state, quotient]);
  const values = top.map((x, i) => (isUnseen[i] ? Infinity : x === 0 ? 0 : x ** 2 / bottom[i]!));
  return { values, residual: Math.max(...left), iterations: done };
}

function numbers(column: Tensor): number[] {
  return [...column.dataSync<"float32">()];
}
