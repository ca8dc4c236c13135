/** @file Which reconstruction belongs to which private image: minimum-cost assignment. */
// @ts-expect-error TS1479: the package has one declaration file for both of its builds and calls it an ES module
import { munkres } from "munkres";
import { ensureNames } from "../core/known";
import { ensure, ensureCount, ensureFinite, refuse } from "../core/errors";
import { ensureFloats, ensureLabels } from "../core/typed";
import { rmseAt } from "./rmse";

/** A minimum-cost assignment of rows to columns. */
export interface Assignment {
  /** Each row's column; -1 for a row left over when there are more rows than columns. */
  readonly columns: readonly number[];
  /** Sum of the chosen costs. */
  readonly total: number;
}

/**
 * Assigns rows to columns, one to one, at the smallest total cost.
 *
 *     columns = argmin over one-to-one choices of sum_r cost[r][columns[r]]
 *
 * @param cost rows of equal length; min(rows, columns) pairs are chosen; Infinity forbids a pair
 * @returns each row's column and the total. Among assignments of equal cost one is returned, always the same
 * @throws InputError when cost is empty or ragged, holds NaN or -Infinity, or every assignment needs a forbidden pair
 * @example
 * assignment([[4, 1, 3], [2, 0, 5], [3, 2, 2]]); // { columns: [1, 0, 2], total: 1 + 2 + 2 }
 * @source Hungarian algorithm (Kuhn 1955, Munkres 1957), npm `munkres`; agrees with scipy `linear_sum_assignment`.
 */
export function assignment(cost: readonly (readonly number[])[]): Assignment {
  ensure(Array.isArray(cost) && cost.every(Array.isArray), "assignment", "needs an array of rows", typeof cost);
  const width = cost[0]?.length ?? 0;
  ensure(width > 0, "assignment", "needs at least one row and one column", `${cost.length} rows of ${width}`);
  cost.forEach((row, r) => {
    ensure(row.length === width, "assignment", "needs rows of equal length", `${width} and ${row.length} (row ${r})`);
    const bad = row.findIndex((value) => !(value > -Infinity)); // catches NaN too
    ensure(bad < 0, "assignment", "needs costs that are numbers or Infinity", `${row[bad]} at [${r}][${bad}]`);
  });
  const columns = new Array<number>(cost.length).fill(-1);
  let total = 0;
  for (const [row, column] of munkres(cost)) {
    columns[row] = column;
    total += cost[row]![column]!;
  }
  ensure(total < Infinity, "assignment", "needs an assignment without forbidden pairs", "none of finite cost");
  return { columns, total };
}

/** What matchImages needs to know about its stacks of images. */
export interface MatchOptions {
  /** Pixels per image, C H W. */
  readonly pixels: number;
  /** [n]; with labels of both sides images are matched within a class. */
  readonly privateLabels?: ArrayLike<number> | undefined;
  /** [m]; see privateLabels. */
  readonly reconstructionLabels?: ArrayLike<number> | undefined;
}

/** Private images and the reconstructions they were matched to. */
export interface Match {
  /** One for each private image, in their order: the index of its reconstruction, and the RMSE between them. */
  readonly pairs: readonly { readonly reconstruction: number; readonly rmse: number }[];
  /** Mean RMSE over the private images. */
  readonly mean: number;
}

/**
 * Matches reconstructions to private images, since a gradient does not say in which order its batch came.
 *
 *     match = argmin over one-to-one choices of mean_i rmse(private[i], reconstruction[match[i]])
 *
 * The cost is the RMSE, not its square, so the mean RMSE reported is the smallest possible one. Where labels are
 * given, images are matched within their class first; those a class leaves over (the labels were inferred wrongly) are
 * matched among each other afterwards, whatever their labels.
 *
 * @param privateImages n images [n, pixels], in [0, 1]
 * @param reconstructions m >= n images [m, pixels]; with m > n the m - n that fit worst stay unmatched, which lowers the mean
 * @param options pixels an image, and both sides' labels or neither
 * @returns for each private image its reconstruction and RMSE, and the mean RMSE
 * @throws InputError when there is no image, a stack is no whole number of images, m < n, labels are given for one side
 * only, in another number or as no integers from 0 on, an option is unknown, or a pixel is NaN or infinite
 * @example
 * matchImages(Float32Array.of(0, 1), Float32Array.of(0.9, 0.2), { pixels: 1 });
 * // { pairs: [{ reconstruction: 1, rmse: 0.2 }, { reconstruction: 0, rmse: 0.1 }], mean: 0.15 }
 * @source The paper does not say how reconstructions are matched: our choice.
 */
export function matchImages(privateImages: Float32Array, reconstructions: Float32Array, options: MatchOptions): Match {
  ensureNames("matchImages", "options", options, ["pixels", "privateLabels", "reconstructionLabels"]);
  const { pixels, privateLabels, reconstructionLabels } = options;
  ensureCount("matchImages", "pixels", pixels);
  const n = countImages("privateImages", privateImages, pixels);
  const m = countImages("reconstructions", reconstructions, pixels);
  ensure(
    m >= n,
    "matchImages",
    "needs a reconstruction for each private image",
    `${n} private images, ${m} reconstructions`,
  );
  checkLabels("privateLabels", privateLabels, n, reconstructionLabels);
  checkLabels("reconstructionLabels", reconstructionLabels, m, privateLabels);

  const pairs = new Array<{ reconstruction: number; rmse: number }>(n);
  const freeReconstructions = new Set(range(m));
  function matchAmong(rows: readonly number[], columns: readonly number[]): void {
    if (rows.length === 0 || columns.length === 0) return;
    const cost = rows.map((i) =>
      columns.map((j) => rmseAt(privateImages, i * pixels, reconstructions, j * pixels, pixels)),
    );
    assignment(cost).columns.forEach((column, row) => {
      if (column < 0) return;
      const reconstruction = columns[column]!;
      pairs[rows[row]!] = { reconstruction, rmse: cost[row]![column]! };
      freeReconstructions.delete(reconstruction);
    });
  }
  if (privateLabels && reconstructionLabels) {
    for (const label of new Set(Array.from(privateLabels))) {
      matchAmong(
        range(n).filter((i) => privateLabels[i] === label),
        range(m).filter((j) => reconstructionLabels[j] === label),
      );
    }
  }
  matchAmong(
    range(n).filter((i) => pairs[i] === undefined),
    [...freeReconstructions],
  );
  return { pairs, mean: pairs.reduce((sum, pair) => sum + pair.rmse, 0) / n };
}

function countImages(name: string, images: Float32Array, pixels: number): number {
  ensureFloats("matchImages", name, images);
  const whole = images.length > 0 && images.length % pixels === 0;
  ensure(whole, "matchImages", `needs whole images of ${pixels} pixels in ${name}`, `${images.length} pixels`);
  ensureFinite("matchImages", name, images);
  return images.length / pixels;
}

/** Refuses labels of one side only, or of another number. */
function checkLabels(
  name: string,
  labels: ArrayLike<number> | undefined,
  count: number,
  others: ArrayLike<number> | undefined,
): void {
  if (labels === undefined) {
    if (others !== undefined) refuse("matchImages", "needs labels for both sides or neither", `no ${name}`);
  } else {
    ensureLabels("matchImages", name, labels, count);
  }
}

function range(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i);
}
