/** @file The low frequencies of a matrix. */

/**
 * The coefficients of lowest frequency of the orthonormal two-dimensional DCT-II; only these are computed.
 *
 *     X[k][l] = s(k, M) s(l, N) sum_m sum_n x[m][n] cos(pi (2m + 1) k / 2M) cos(pi (2n + 1) l / 2N),
 *     s(0, N) = sqrt(1/N), s(k, N) = sqrt(2/N);  k < rows, l < columns
 *
 * @param x the matrix [M][N], row by row
 * @param shape [M, N]; [1, N] for a vector
 * @param low [rows, columns] of the result, 1..M and 1..N
 * @returns [rows * columns], row by row, owned by the caller
 * @example
 * lowFrequencies(Float32Array.of(1, 2, 3, 4, 5, 6), [2, 3], [1, 2]); // [8.5732, -2]
 * @source Ahmed et al. 1974; scipy.fft.dctn(x, norm="ortho")[:rows, :columns]
 */
export function lowFrequencies(
  x: Float32Array,
  [m, n]: readonly [m: number, n: number],
  [rows, columns]: readonly [rows: number, columns: number],
): Float64Array {
  const alongRows = cosines(new Float64Array(x), n, columns); // [columns][M]
  return cosines(alongRows, m, rows);
}

/**
 * The first `count` orthonormal coefficients of every row of a matrix with rows of length n, as [count][rows]. Overwrites the matrix.
 *
 * Cosines of odd frequency are antisymmetric about the middle of a row: half of it, minus the mirrored other half, is enough for them.
 * Those of even frequency are symmetric, and are the coefficients of half the row plus the mirrored other half. So the row is folded
 * for as long as it has an even length; the sums stand in its first half, the mirrored differences in its second.
 */
function cosines(x: Float64Array, n: number, count: number): Float64Array {
  const rows = x.length / n;
  const out = new Float64Array(rows * count);
  let [length, left, step] = [n, count, 1]; // coefficients 0, step, 2 step, ... are left to do, of rows folded to that length
  while (length % 2 === 0 && left > 1) {
    const half = length / 2;
    for (let from = 0; from < x.length; from += n) {
      for (let i = from, j = from + length - 1; i < j; i++, j--) {
        const a = x[i]!;
        const b = x[j]!;
        x[i] = a + b;
        x[j] = a - b;
      }
    }
    const odd = Math.floor(left / 2);
    multiply(x, n, half, basis(length, half, odd), out, step, 2 * step);
    [length, left, step] = [half, left - odd, 2 * step];
  }
  multiply(x, n, 0, basis(length, 0, left), out, 0, step);
  const scale = Math.sqrt(2 / n);
  for (let i = 0; i < out.length; i++) out[i]! *= i < rows ? Math.SQRT1_2 * scale : scale;
  return out;
}

/** Vectors [count][length], one after the other. */
interface Basis {
  readonly vectors: Float64Array;
  readonly count: number;
  readonly length: number;
}

/** out[first + step k][row] = sum_i x[row][offset + i] basis[k][i], rows of x of length n: four coefficients at a time. */
function multiply(
  x: Float64Array,
  n: number,
  offset: number,
  { vectors, count, length }: Basis,
  out: Float64Array,
  first: number,
  step: number,
): void {
  const rows = x.length / n;
  const gap = step * rows;
  for (let row = 0; row < rows; row++) {
    const from = row * n + offset;
    let to = first * rows + row;
    let k = 0;
    for (; k + 3 < count; k += 4) {
      let a = 0;
      let b = 0;
      let c = 0;
      let d = 0;
      let at = k * length;
      for (let i = from; i < from + length; i++, at++) {
        const value = x[i]!;
        a += value * vectors[at]!;
        b += value * vectors[at + length]!;
        c += value * vectors[at + 2 * length]!;
        d += value * vectors[at + 3 * length]!;
      }
      out[to] = a;
      out[to + gap] = b;
      out[to + 2 * gap] = c;
      out[to + 3 * gap] = d;
      to += 4 * gap;
    }
    for (; k < count; k++, to += gap) {
      let sum = 0;
      for (let i = 0; i < length; i++) sum += x[from + i]! * vectors[k * length + i]!;
      out[to] = sum;
    }
  }
}

const bases = new Map<string, Basis>();

/**
 * The cosines of a row of length n, made once: from 0 the frequencies 0, 1, ... over the whole row, from its middle the odd
 * ones 1, 3, ... over the second half, in which the mirrored differences stand.
 */
function basis(n: number, from: number, count: number): Basis {
  const key = [n, from, count].join();
  const known = bases.get(key);
  if (known) return known;
  const length = n - from;
  const vectors = new Float64Array(count * length);
  for (let k = 0; k < count; k++) {
    for (let i = 0; i < length; i++) {
      const [place, frequency] = from === 0 ? [i, k] : [from - 1 - i, 2 * k + 1];
      vectors[k * length + i] = Math.cos((Math.PI * (2 * place + 1) * frequency) / (2 * n));
    }
  }
  const made = { vectors, count, length };
  bases.set(key, made);
  return made;
}
