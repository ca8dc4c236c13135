/** @file The vectors with most zeros in the span of some vectors. */
import { Matrix, SVD } from "ml-matrix";
import type { Rng } from "../core/rng";

/** How to look. */
export interface SparseSearch {
  /** Numbers below this are zeros: a few times the rounding of the rows. */
  readonly tolerance: number;
  /** Draws the rows that are tried. */
  readonly rng: Rng;
  /** Draws at most. */
  readonly tries: number;
  /** Whether the vectors that are found will do; asked whenever there is one more. */
  readonly isEnough: (found: readonly (readonly number[])[]) => boolean;
  /** Whether a vector, of length 1 in the coordinates of the rows, is one that is looked for; default: all are. */
  readonly accepts?: (vector: readonly number[]) => boolean;
}

/**
 * Coordinates of the vectors in the span of N that have most zeros.
 *
 * q with |q| = 1 such that rows . q has so many zeros that no other q has zeros in all those places
 *
 * N - 1 places are drawn, and the one q taken that is 0 there. Where it is 0 in more places, these are looked at: a place that no other
 * of them implies is dropped, and if what is left has several solutions, that with most further zeros is taken, until there is one alone.
 * Behind masks that are alike, sums of two vectors have zeros wherever both have; that makes such sums likely to be drawn, and leads
 * from them to either vector.
 *
 * @param rows [m][N], m > N: the numbers of the N spanning vectors at each place
 * @param search see SparseSearch
 * @returns vectors of N coordinates, no two alike, in the order in which they were found: enough of them, or all that `tries` gave
 * @example
 * const rows = Array.from({ length: 40 }, (_, i) => [i % 2, i % 5 === 0 ? 1 : 0]);
 * sparsestVectors(rows, { tolerance: 1e-9, rng: createRng(1), tries: 50, isEnough: () => true }).length; // 1
 * @source after Dimitrov et al. 2024 (SPEAR); what leads from sums to single vectors is ours
 */
export function sparsestVectors(
  rows: readonly (readonly number[])[],
  { tolerance, rng, tries, isEnough, accepts = () => true }: SparseSearch,
): number[][] {
  const size = rows[0]!.length;
  if (size === 1) {
    const only = accepts([1]) ? [[1]] : [];
    isEnough(only);
    return only;
  }
  const places = rows.flatMap((row, i) => (length(row) > 20 * tolerance ? [i] : [])); // others are 0 whatever q
  const found: number[][] = [];
  const basis: number[][] = []; // orthonormal, of what is found: sums of known vectors lead to nothing new
  for (let t = 0; t < tries; t++) {
    const drawn = drawPlaces(places, size - 1, rng);
    const first = nullVector(drawn.map((i) => rows[i]!), size); // prettier-ignore
    if (first === null || zerosOf(rows, places, first, tolerance).length < size + 3) continue;
    if (length(without(first, basis)) < 1e-4) continue;
    const vector = purified({ rows, places, tolerance, rng, found }, first);
    if (vector === null || isAmong(found, vector) || !accepts(vector)) continue;
    found.push(vector);
    if (isEnough(found)) break;
    const rest = without(vector, basis);
    const norm = length(rest);
    if (norm > 1e-6) basis.push(rest.map((x) => x / norm));
  }
  return found;
}

/** Where vectors are looked for, and those that are known. */
interface Place {
  readonly rows: readonly (readonly number[])[];
  readonly places: readonly number[];
  readonly tolerance: number;
  readonly rng: Rng;
  readonly found: readonly (readonly number[])[];
}

function isAmong(found: readonly (readonly number[])[], vector: readonly number[]): boolean {
  return found.some((other) => Math.abs(scalarProduct(other, vector)) > 1 - 1e-5);
}

function without(vector: readonly number[], basis: readonly (readonly number[])[]): number[] {
  return basis.reduce<number[]>(
    (rest, b) => {
      const along = scalarProduct(rest, b);
      return rest.map((x, k) => x - along * b[k]!);
    },
    [...vector],
  );
}

const rounds = 12; // of dropping places, at most
const essential = 0.98; // leverage of a place that no others imply

/** From a vector with zeros to one that its zeros determine; null where they lead to none. */
function purified(where: Place, first: readonly number[]): number[] | null {
  const { rows, places, tolerance } = where;
  let vector = [...first];
  for (let round = 0; round < rounds; round++) {
    const zeros = zerosOf(rows, places, vector, tolerance);
    const { leverages } = rowSpace(zeros.map((i) => rows[i]!), tolerance); // prettier-ignore
    const core = zeros.filter((_, k) => leverages[k]! < essential);
    if (core.length < 3) return null;
    const { complement } = rowSpace(core.map((i) => rows[i]!), tolerance); // prettier-ignore
    if (complement.length === 0) return null;
    if (complement.length === 1) return complement[0]!;
    const next = mostZeros({ ...where, places: places.filter((i) => !core.includes(i)) }, complement);
    if (next === null) return null;
    vector = next;
  }
  return null;
}

/** Of a subspace the vector with most zeros at the given places that is not known; null where none has more than was asked for. */
function mostZeros(
  { rows, places, tolerance, rng, found }: Place,
  basis: readonly (readonly number[])[],
): number[] | null {
  const inside = new Map(places.map((i) => [i, basis.map((b) => scalarProduct(rows[i]!, b))]));
  const dimension = basis.length;
  let best = { zeros: dimension - 1, vector: null as number[] | null };
  const tries = dimension === 2 ? places.length : 400;
  for (let t = 0; t < tries; t++) {
    const drawn = dimension === 2 ? [places[t]!] : drawPlaces(places, dimension - 1, rng);
    const coordinates = nullVector(drawn.map((i) => inside.get(i)!), dimension); // prettier-ignore
    if (coordinates === null) continue;
    const zeros = places.filter((i) => Math.abs(scalarProduct(inside.get(i)!, coordinates)) < tolerance).length;
    if (zeros <= best.zeros) continue;
    const vector = basis[0]!.map((_, k) => basis.reduce((sum, b, j) => sum + coordinates[j]! * b[k]!, 0));
    if (!isAmong(found, vector)) best = { zeros, vector };
  }
  return best.vector;
}

/**
 * The one vector that is 0 on all rows.
 *
 * @param rows [N - 1][N]
 * @param size N
 * @returns [N] of length 1; null where there are several
 * @example
 * nullVector([[0, 2]], 2); // [1, 0]
 */
export function nullVector(rows: readonly (readonly number[])[], size: number): number[] | null {
  const a = rows.map((row) => Float64Array.from(row));
  const pivots: number[] = [];
  for (let column = 0; column < size && pivots.length < a.length; column++) {
    const at = pivots.length;
    let largest = at;
    for (let r = at + 1; r < a.length; r++) if (Math.abs(a[r]![column]!) > Math.abs(a[largest]![column]!)) largest = r;
    if (Math.abs(a[largest]![column]!) < 1e-10) continue;
    [a[at], a[largest]] = [a[largest]!, a[at]!];
    const pivot = a[at][column]!;
    for (let k = column; k < size; k++) a[at][k]! /= pivot;
    for (let r = 0; r < a.length; r++) {
      const factor = r === at ? 0 : a[r]![column]!;
      if (factor !== 0) for (let k = column; k < size; k++) a[r]![k]! -= factor * a[at][k]!;
    }
    pivots.push(column);
  }
  if (pivots.length < size - 1) return null;
  const free = Array.from({ length: size }, (_, c) => c).find((c) => !pivots.includes(c))!;
  const vector = new Array<number>(size).fill(0);
  vector[free] = 1;
  pivots.forEach((column, r) => (vector[column] = -a[r]![free]!));
  const norm = length(vector);
  return vector.map((x) => x / norm);
}

/**
 * What rows span: how much each of them adds that no others do, and an orthonormal basis of what is orthogonal to all.
 *
 * @param rows [m][N], m >= 1
 * @param tolerance rounding of the rows
 * @returns leverages [m], 0..1, and complement [N - rank][N]
 * @example
 * rowSpace([[1, 0], [2, 0]], 1e-9).complement.length; // 1
 */
export function rowSpace(
  rows: readonly (readonly number[])[],
  tolerance: number,
): { leverages: number[]; complement: number[][] } {
  const size = rows[0]!.length;
  const padded = [...rows, ...Array.from({ length: Math.max(0, size - rows.length) }, () => new Array<number>(size).fill(0))]; // prettier-ignore
  const svd = new SVD(new Matrix(padded.map((row) => [...row])));
  const kept = svd.diagonal.filter((value) => value > 5 * tolerance).length;
  const leverages = rows.map((_, i) => {
    let sum = 0;
    for (let k = 0; k < kept; k++) sum += svd.leftSingularVectors.get(i, k) ** 2;
    return sum;
  });
  const complement = Array.from({ length: size - kept }, (_, k) => svd.rightSingularVectors.getColumn(kept + k));
  return { leverages, complement };
}

function zerosOf(
  rows: readonly (readonly number[])[],
  places: readonly number[],
  vector: readonly number[],
  tolerance: number,
): number[] {
  return places.filter((i) => Math.abs(scalarProduct(rows[i]!, vector)) < tolerance);
}

function drawPlaces(places: readonly number[], count: number, rng: Rng): number[] {
  const drawn = new Set<number>();
  while (drawn.size < Math.min(count, places.length)) drawn.add(places[rng.integer(places.length)]!);
  return [...drawn];
}

/** The inner product. */
export function scalarProduct(a: readonly number[], b: readonly number[]): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += a[k]! * b[k]!;
  return sum;
}

function length(a: readonly number[]): number {
  return Math.sqrt(scalarProduct(a, a));
}
