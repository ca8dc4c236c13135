/** @file The largest eigenvalue of a symmetric matrix, alone: a whole decomposition takes several times as long. */

/** An eigenvalue and its unit eigenvector. */
export interface Eigenpair {
  readonly value: number;
  readonly vector: Float64Array; // [n]
}

/**
 * The largest eigenvalue of a symmetric matrix and an eigenvector of it. Reflections make the matrix A a tridiagonal T, whose top
 * eigenpair is found alone: no step depends on how close the eigenvalues are, or on a start.
 *
 * A = H T H', H = H_(n-1) ... H_1, H_i = 1 - 2 v_i v_i'; vector = H s, T s = value s
 *
 * @param matrix A, [n * n], symmetric, finite; unchanged
 * @param n >= 1
 * @returns the pair, |A vector - value vector| <= 1e-13 |A| or so; where the eigenvalue is a multiple one, one vector of many
 * @example
 * topEigenpair(Float64Array.of(5, 2, 2, 2), 2).vector.map(Math.abs); // [0.8944, 0.4472]; the value is 6
 * @source Golub and Van Loan 2013, Matrix Computations, sections 8.3 and 8.4
 */
export function topEigenpair(matrix: Float64Array, n: number): Eigenpair {
  const rows = Array.from({ length: n }, (_, i) => matrix.slice(i * n, i * n + i)); // below the diagonal; become the v_i
  const diagonal = Float64Array.from(rows, (_, i) => matrix[i * n + i]!);
  const beside = new Float64Array(n); // T_(i, i-1)
  for (let i = n - 1; i > 0; i--) {
    const v = rows[i]!;
    const length = Math.sqrt(dot(v, v));
    if (length === 0) continue; // v = 0: H_i = 1
    beside[i] = v[i - 1]! > 0 ? -length : length;
    v[i - 1]! -= beside[i]!;
    toUnit(v);
    reflect(rows, diagonal, v);
  }
  const { value, vector } = topOfTridiagonal(diagonal, beside);
  rows.forEach((v) => addTo(vector, v, -2 * dot(v, vector)));
  return { value, vector };
}

/** H A H, H = 1 - 2 v v' with v a unit vector, of A's first rows, as many as v is long: A - v w' - w v', w = 2 A v - 2 (v' A v) v. */
function reflect(rows: readonly Float64Array[], diagonal: Float64Array, v: Float64Array): void {
  const w = v.map((x, i) => x * diagonal[i]!);
  for (let i = 0; i < v.length; i++) {
    const row = rows[i]!;
    const x = v[i]!;
    let sum = 0;
    for (let j = 0; j < i; j++) {
      sum += row[j]! * v[j]!;
      w[j]! += row[j]! * x;
    }
    w[i]! += sum;
  }
  const along = dot(v, w);
  for (let i = 0; i < v.length; i++) w[i] = 2 * (w[i]! - along * v[i]!);
  for (let i = 0; i < v.length; i++) {
    const row = rows[i]!;
    const [x, y] = [v[i]!, w[i]!];
    for (let j = 0; j < i; j++) row[j]! -= x * w[j]! + y * v[j]!;
    diagonal[i]! -= 2 * x * y;
  }
}

/**
 * The top eigenpair of a tridiagonal matrix T. x 1 - T has positive pivots just where x is above all eigenvalues; halving finds the
 * least such x. There inverse iteration, of numbers whose signs make all sums add, loses no digit.
 */
function topOfTridiagonal(diagonal: Float64Array, beside: Float64Array): Eigenpair {
  const n = diagonal.length;
  const pivots = new Float64Array(n);
  const isAbove = (x: number): boolean => {
    let pivot = (pivots[0] = x - diagonal[0]!);
    for (let i = 1; i < n && pivot > 0; i++) pivot = pivots[i] = x - diagonal[i]! - (beside[i]! * beside[i]!) / pivot;
    return pivot > 0;
  };
  const widest = beside.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  const size = diagonal.reduce((most, x) => Math.max(most, Math.abs(x)), widest);
  const vector = new Float64Array(n).fill(1);
  if (size === 0) return { value: 0, vector: toUnit(vector) };
  let below = diagonal.reduce((most, x) => Math.max(most, x));
  let value = below + 2 * widest + 1e-14 * size;
  for (let halving = 0; halving < 60; halving++) {
    const middle = (below + value) / 2;
    if (isAbove(middle)) value = middle;
    else below = middle;
  }
  isAbove(value); // leaves its pivots
  for (let i = 1; i < n; i++) vector[i] = beside[i]! < 0 ? -vector[i - 1]! : vector[i - 1]!;
  for (let iteration = 0; iteration < 3; iteration++) {
    for (let i = 1; i < n; i++) vector[i]! += (beside[i]! / pivots[i - 1]!) * vector[i - 1]!;
    vector[n - 1]! /= pivots[n - 1]!;
    for (let i = n - 2; i >= 0; i--) vector[i] = (vector[i]! + beside[i + 1]! * vector[i + 1]!) / pivots[i]!;
    toUnit(vector);
  }
  return { value, vector: vector.map((x) => (Math.abs(x) < 1e-30 ? 0 : x)) }; // processors are slow with subnormal numbers
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

function addTo(sum: Float64Array, vector: Float64Array, times: number): void {
  for (let i = 0; i < vector.length; i++) sum[i]! += times * vector[i]!;
}

/** Divides a vector by its length, in place. */
function toUnit(vector: Float64Array): Float64Array {
  const length = Math.sqrt(dot(vector, vector));
  for (let i = 0; i < vector.length; i++) vector[i]! /= length;
  return vector;
}
