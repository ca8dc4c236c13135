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
  const alongRows = transposed(cosines(new Float64Array(x), n, columns), columns); // [columns][M]
  return transposed(cosines(alongRows, m, rows), rows);
}

/** The first `count` orthonormal coefficients of every row of a matrix with rows of length n. */
function cosines(x: Float64Array, n: number, count: number): Float64Array {
  const out = new Float64Array((x.length / n) * count);
  write(x, n, count, out, 0, 1, count);
  const scale = Math.sqrt(2 / n);
  for (let i = 0; i < out.length; i++) out[i]! *= i % count === 0 ? Math.SQRT1_2 * scale : scale;
  return out;
}

/**
 * Writes the rows' first `count` coefficients, not yet normalised, to out[row * stride + offset + step k].
 *
 * Cosines of even frequency are symmetric about the middle of a row, those of odd frequency antisymmetric. So the even ones are the
 * coefficients of the row folded in two, and so on while it has an even length; the odd ones a sum of half the length.
 */
function write(
  x: Float64Array,
  n: number,
  count: number,
  out: Float64Array,
  offset: number,
  step: number,
  stride: number,
): void {
  const rows = x.length / n;
  if (n % 2 === 1 || count === 1) {
    multiply(x, n, basis(n, n, 0, 1, count), count, out, offset, step, stride);
    return;
  }
  const half = n / 2;
  const [sums, differences] = [new Float64Array(rows * half), new Float64Array(rows * half)];
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < half; i++) {
      const [a, b] = [x[row * n + i]!, x[row * n + n - 1 - i]!];
      sums[row * half + i] = a + b;
      differences[row * half + i] = a - b;
    }
  }
  const odd = Math.floor(count / 2);
  write(sums, half, count - odd, out, offset, 2 * step, stride);
  multiply(differences, half, basis(n, half, 1, 2, odd), odd, out, offset + step, 2 * step, stride);
}

/** out[row][offset + step k] = sum_i x[row][i] basis[k][i]: four coefficients at a time. */
function multiply(
  x: Float64Array,
  n: number,
  vectors: Float64Array,
  count: number,
  out: Float64Array,
  offset: number,
  step: number,
  stride: number,
): void {
  const rows = x.length / n;
  for (let row = 0; row < rows; row++) {
    const from = row * n;
    const to = row * stride + offset;
    let k = 0;
    for (; k + 3 < count; k += 4) {
      let [a, b, c, d] = [0, 0, 0, 0];
      let at = k * n;
      for (let i = 0; i < n; i++, at++) {
        const value = x[from + i]!;
        a += value * vectors[at]!;
        b += value * vectors[at + n]!;
        c += value * vectors[at + 2 * n]!;
        d += value * vectors[at + 3 * n]!;
      }
      out[to + step * k] = a;
      out[to + step * (k + 1)] = b;
      out[to + step * (k + 2)] = c;
      out[to + step * (k + 3)] = d;
    }
    for (; k < count; k++) {
      let sum = 0;
      for (let i = 0; i < n; i++) sum += x[from + i]! * vectors[k * n + i]!;
      out[to + step * k] = sum;
    }
  }
}

const bases = new Map<string, Float64Array>();

/** cos(pi (2i + 1) (first + step k) / 2n) for k < count, i < length, made once. */
function basis(n: number, length: number, first: number, step: number, count: number): Float64Array {
  const key = [n, length, first, step, count].join();
  const known = bases.get(key);
  if (known) return known;
  const made = new Float64Array(count * length);
  for (let k = 0; k < count; k++)
    for (let i = 0; i < length; i++)
      made[k * length + i] = Math.cos((Math.PI * (2 * i + 1) * (first + step * k)) / (2 * n));
  bases.set(key, made);
  return made;
}

/** [rows][columns] -> [columns][rows]. */
function transposed(x: Float64Array, columns: number): Float64Array {
  const rows = x.length / columns;
  const out = new Float64Array(x.length);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) out[column * rows + row] = x[row * columns + column]!;
  return out;
}
