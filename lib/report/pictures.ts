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
  const isColour = channels === 3;
  const shown = isColour ? 3 : 1;
  const gap = rows.length === 1 && rows[0]!.length === 1 ? 0 : 2 * scale;
  const columns = Math.max(...rows.map((row) => row.length));
  const width = columns * (wide * scale + gap) + gap;
  const height = rows.length * (high * scale + gap) + gap;
  const data = new Uint8Array(width * height * shown).fill(255);
  const area = high * wide;
  const valueOf = (image: Float32Array, pixel: number, channel: number): number => {
    if (isColour) return image[channel * area + pixel]!;
    let sum = 0;
    for (let c = 0; c < channels; c++) sum += image[c * area + pixel]!;
    return sum / channels;
  };
  rows.forEach((row, r) =>
    row.forEach((image, c) => {
      const [top, left] = [gap + r * (high * scale + gap), gap + c * (wide * scale + gap)];
      for (let y = 0; y < high * scale; y++)
        for (let x = 0; x < wide * scale; x++) {
          const pixel = Math.floor(y / scale) * wide + Math.floor(x / scale);
          for (let channel = 0; channel < shown; channel++) {
            const value = Math.min(1, Math.max(0, valueOf(image, pixel, channel)));
            data[((top + y) * width + left + x) * shown + channel] = Math.round(255 * value);
          }
        }
    }),
  );
  return encode({ width, height, data, channels: shown }, { zlib: { level: 9 } });
}
