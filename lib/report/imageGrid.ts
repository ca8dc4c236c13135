/** @file Private and reconstructed images side by side, pixel by pixel. */
import { ensure } from "../core/errors";
import type { Shape } from "../core/types";
import { baseLayout, frame, showFigure, textAt, type Figure } from "./figure";
import { mosaicOf } from "./pictures";
import type { Stamp } from "./stamp";
import { wrapWords } from "./table";

/** One row of images, one per column. */
export interface ImageRow {
  /** Left of the row; long labels wrap. */
  readonly label: string;
  /** Each [C·H·W] with pixels in [0, 1]; null leaves the place empty. */
  readonly images: readonly (Float32Array | null)[];
  /** Under each image, e.g. asRmse(0.21). */
  readonly captions?: readonly string[];
}

/** A table of images. */
export interface ImageGridSpec {
  /** Above the figure. */
  readonly title: string;
  /** [C, H, W], C = 1 (grey) or 3 (RGB). */
  readonly shape: Shape;
  /** Above each column; a column called "private" stands a little apart. */
  readonly columns: readonly string[];
  /** From top to bottom. */
  readonly rows: readonly ImageRow[];
}

/**
 * The caption of an image: its error with two decimals.
 *
 * @param value RMSE in pixels of [0, 1]
 * @returns the caption
 * @example
 * asRmse(0.2149); // "RMSE 0.21"
 */
export function asRmse(value: number): string {
  return `RMSE ${value.toFixed(2)}`;
}

/**
 * A table of images as a plotly figure. All images are one PNG, each pixel a square of whole screen pixels, so nothing blurs.
 *
 * Pixels below 0 and above 1 are shown as 0 and 1 (reconstructions without a bounded prior may leave the range).
 *
 * @param spec title, shape, labels and images
 * @returns a plotly figure, 900 px wide
 */
export function imageGrid(spec: ImageGridSpec): Figure {
  const { columns, rows, shape } = spec;
  check(spec);
  const [, high, wide] = shape as [number, number, number];
  // Nine images of 28 pixels, the usual row, then have room at three screen pixels each.
  const space = { left: 100, right: 8, apart: columns.includes("private") ? 14 : 0, between: 4 };
  const room = frame.width - space.left - space.right - space.apart - (columns.length - 1) * space.between;
  const scale = Math.max(1, Math.min(4, Math.floor(room / (columns.length * wide))));
  const [width, height] = [wide * scale, high * scale];
  const letters = Math.max(6, Math.floor((width + space.between) / 6.6)); // that fit above and below an image

  const lefts: number[] = [];
  columns.forEach((_, c) => {
    const before = c === 0 ? space.left : lefts[c - 1]! + width + space.between;
    lefts.push(before + (c > 0 && columns[c - 1] === "private" ? space.apart : 0));
  });
  const heads = columns.map((column) => wrapWords(column, letters));
  const headHeight = 17 * Math.max(...heads.map((lines) => lines.length));
  const captions = rows.map((row) => (row.captions ?? []).map((caption) => wrapWords(caption, letters)));
  const tops: number[] = [];
  let bottom = 52 + headHeight + 6;
  for (const [r] of rows.entries()) {
    tops.push(bottom);
    const lines = Math.max(0, ...captions[r]!.map((caption) => caption.length));
    bottom += height + (lines > 0 ? 16 * lines + 12 : space.between);
  }
  const total = bottom + frame.footer;

  const small = { font: { size: 12 } };
  const centred = { ...small, xanchor: "center", align: "center" };
  const base = baseLayout(spec.title, total);
  const texts = columns.map((_, c) =>
    textAt(heads[c]!.join("\n"), lefts[c]! + width / 2, 52 + headHeight, total, { ...centred, yanchor: "bottom" }),
  );
  for (const [r, row] of rows.entries()) {
    const label = wrapWords(row.label, 13).join("\n");
    const middle = { ...small, xanchor: "right", align: "right", yanchor: "middle" };
    texts.push(textAt(label, space.left - 12, tops[r]! + height / 2, total, middle));
    captions[r]!.forEach((caption, c) => {
      if (caption.join("") !== "")
        texts.push(textAt(caption.join("\n"), lefts[c]! + width / 2, tops[r]! + height + 3, total, centred));
    });
  }
  const from = { left: lefts[0]!, top: tops[0]! };
  const tiles = rows.flatMap(({ images }, r) =>
    images.map((one, c) => ({ image: one, left: lefts[c]! - from.left, top: tops[r]! - from.top })),
  );
  const size = [lefts.at(-1)! - from.left + width, tops.at(-1)! - from.top + height] as const;
  const png = mosaicOf(tiles, shape, scale, size);
  const image = {
    source: `data:image/png;base64,${Buffer.from(png).toString("base64")}`,
    xref: "paper",
    yref: "paper",
    x: from.left / frame.width,
    y: 1 - from.top / total,
    sizex: size[0] / frame.width,
    sizey: size[1] / total,
    sizing: "stretch",
  };
  const hidden = { visible: false, fixedrange: true };
  const annotations = [...base.annotations, ...texts];
  return { data: [], layout: { ...base, images: [image], xaxis: hidden, yaxis: hidden, annotations } };
}

/**
 * Shows a table of images: imageGrid and showFigure in one call.
 *
 * @param name file name without profile: "NN_name"
 * @param spec title, shape, labels and images
 * @param stamp where the images come from
 * @throws InputError as imageGrid and showFigure
 * @example
 * await showImages("02_images", { title: "Round by round", shape: [1, 28, 28], columns, rows }, stamp);
 */
export async function showImages(name: string, spec: ImageGridSpec, stamp: Stamp): Promise<void> {
  await showFigure(name, imageGrid(spec), stamp);
}

/** Refuses images or captions that do not fit the columns, or the shape. */
function check({ columns, rows, shape }: ImageGridSpec): void {
  const fits = shape.length === 3 && (shape[0] === 1 || shape[0] === 3);
  ensure(fits, "imageGrid", "needs a shape [1, H, W] or [3, H, W]", shape);
  ensure(columns.length > 0 && rows.length > 0, "imageGrid", "needs at least one row and one column", [rows.length, columns.length]); // prettier-ignore
  const length = shape.reduce((product, side) => product * side, 1);
  for (const { label, images, captions = images } of rows) {
    const lengths = [images.length, captions.length];
    const full = lengths.every((count) => count === columns.length);
    ensure(full, "imageGrid", `needs ${columns.length} images and captions in row "${label}"`, lengths);
    for (const [c, image] of images.entries()) {
      const place = `row "${label}", column "${columns[c]}"`;
      ensure((image?.length ?? length) === length, "imageGrid", `needs ${length} pixels in ${place}`, image?.length);
      ensure(!image?.some(Number.isNaN), "imageGrid", `needs pixels in ${place}`, "NaN");
    }
  }
}
