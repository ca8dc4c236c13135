/** @file Images as PNG, by themselves and in rows. */
import { encode } from "fast-png";
import type { Shape } from "../core/types";

/**
 * Rows of images as one PNG on white, a pixel each `scale` squared.
 *
 * @param rows each of some images [C·H·W] with pixels in [0, 1], from left to right
 * @param shape [C, H, W]; three channels are red, green and blue, of any other number the mean is shown
 * @param scale screen pixels per pixel, >= 1
 * @returns the file's bytes
 * @example
 * pictureOf([[Float32Array.of(0, 1)]], [1, 1, 2], 1).subarray(1, 4).toString(); // "80,78,71"; PNG
 */
export function pictureOf(rows: readonly (readonly Float32Array[])[], shape: Shape, scale: number): Uint8Array {
  const [channels, high, wide] = shape as [number, number, number];
  const shown = channels === 3 ? 3 : 1;
  const gap = rows.length === 1 && rows[0]!.length === 1 ? 0 : 2 * scale;
  const columns = Math.max(...rows.map((row) => row.length));
  const width = columns * (wide * scale + gap) + gap;
  const height = rows.length * (high * scale + gap) + gap;
  const tiles = rows.flatMap((row, r) =>
    row.map((image, c) => {
      const drawn = channels === shown ? image : meanOf(image, high * wide);
      return { image: drawn, left: gap + c * (wide * scale + gap), top: gap + r * (high * scale + gap) };
    }),
  );
  return mosaicOf(tiles, [shown, high, wide], scale, [width, height]);
}

/** The mean of an image's channels. */
function meanOf(image: Float32Array, area: number): Float32Array {
  const mean = new Float32Array(area);
  for (let i = 0; i < image.length; i++) mean[i % area]! += image[i]! / (image.length / area);
  return mean;
}

/** An image and where its upper left corner stands. */
export interface Tile {
  /** [C·H·W], pixels in [0, 1]; null is light grey. */
  readonly image: Float32Array | null;
  /** In screen pixels. */
  readonly left: number;
  /** In screen pixels. */
  readonly top: number;
}

const empty = 0.95; // where there is no image

/**
 * Images anywhere on white, as a PNG.
 *
 * @param tiles see Tile
 * @param shape [C, H, W], C = 1 (grey) or 3 (RGB)
 * @param scale screen pixels per pixel, >= 1
 * @param size of the whole, width and height
 * @returns the file's bytes
 * @example
 * mosaicOf([{ image: null, left: 0, top: 0 }], [1, 1, 1], 1, [1, 1]).subarray(1, 4).toString(); // "80,78,71"; PNG
 */
export function mosaicOf(
  tiles: readonly Tile[],
  shape: Shape,
  scale: number,
  [width, height]: readonly [number, number],
): Uint8Array {
  const [channels, high, wide] = shape as [number, number, number];
  const data = new Uint8Array(width * height * channels).fill(255);
  for (const { image, left, top } of tiles) {
    for (let y = 0; y < high * scale; y++) {
      for (let x = 0; x < wide * scale; x++) {
        const pixel = Math.floor(y / scale) * wide + Math.floor(x / scale);
        const at = ((top + y) * width + left + x) * channels;
        for (let channel = 0; channel < channels; channel++) {
          const value = image === null ? empty : image[channel * high * wide + pixel]!;
          data[at + channel] = Math.round(255 * Math.min(1, Math.max(0, value)));
        }
      }
    }
  }
  return encode({ width, height, data, channels }, { zlib: { level: 9 } });
}
