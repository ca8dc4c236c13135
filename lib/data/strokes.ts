/** @file The embedded dataset `strokes`: ten digits drawn by a pen, for when no real images can be had. */
import { ensureCount } from "../core/errors";
import type { Rng } from "../core/rng";
import type { ImageSet } from "../core/types";

type Point = readonly [x: number, y: number];
type Stroke = readonly Point[];

const SIDE = 28; // pixels
const HALF_HEIGHT = 9.5; // pixels from a glyph's middle to its top, before scaling: about 20 rows in all, as in MNIST
const CLASSES = 10;

/** The pens of ten digits in the box x, y in [-1, 1], y downwards; angles in degrees, clockwise from the right. */
const glyphs: readonly (readonly Stroke[])[] = [
  [arc(0, 0, 0.62, 1, -90, 270)],
  [line([-0.38, -0.62], [0.05, -1], [0.05, 1])],
  [[...arc(0, -0.45, 0.58, 0.55, 190, 395), ...line([-0.6, 1], [0.65, 1])]],
  [[...arc(0, -0.5, 0.55, 0.5, 205, 450), ...arc(0, 0.5, 0.62, 0.5, 270, 515)]],
  [line([0.28, 1], [0.28, -1], [-0.65, 0.4], [0.7, 0.4])],
  [[...line([0.55, -1], [-0.42, -1], [-0.5, -0.1]), ...arc(0, 0.4, 0.6, 0.6, 225, 505)]],
  [[...arc(0.55, 0.3, 1.1, 1.3, 270, 190), ...arc(0, 0.45, 0.56, 0.55, 180, -180)]],
  [line([-0.6, -1], [0.62, -1], [-0.15, 1])],
  [arc(0, -0.5, 0.46, 0.5, 90, 450), arc(0, 0.5, 0.58, 0.5, -90, 270)],
  [[...arc(0, -0.45, 0.55, 0.55, 0, -360), ...line([0.53, -0.3], [0.32, 1])]],
].map((strokes) => strokes.map(resample));

/**
 * Draws digits: image i shows a digit's strokes under a random affine map and bend, with a pen of random width,
 * antialiased, plus pixel noise.
 *
 *     ink(p) = clamp(width / 2 + 1/2 - distance(p, strokes), 0, 1)
 *     pixel(p) = round(255 clamp(strength ink(p) + N(0, 0.03^2), 0, 1))
 *
 * @param count images to draw, >= 1; every ten in a row hold each digit once, in random order
 * @param rng stream that everything is split from by image number: image i is the same whatever count is
 * @returns count images [1, 28, 28], light ink on dark, owned by the caller
 * @source our own drawings; the paper has no such dataset
 */
export function drawStrokes(count: number, rng: Rng): ImageSet {
  ensureCount("drawStrokes", "count", count);
  const pixels = new Uint8Array(count * SIDE * SIDE);
  const labels = new Uint8Array(count);
  let order: Int32Array = new Int32Array(0);
  for (let i = 0; i < count; i++) {
    if (i % CLASSES === 0) order = rng.split("order", i / CLASSES).permutation(CLASSES);
    const label = order[i % CLASSES]!;
    labels[i] = label;
    draw(glyphs[label]!, rng.split("image", i), pixels.subarray(i * SIDE * SIDE, (i + 1) * SIDE * SIDE));
  }
  return { pixels, labels, count };
}

/** Draws a glyph as one hand would: placed, thick and noisy by chance. */
function draw(glyph: readonly Stroke[], rng: Rng, pixels: Uint8Array): void {
  const between = (low: number, high: number) => low + (high - low) * rng.uniform();
  const place = hand(between);
  const reach = between(0.7, 1.5) + 0.5; // half the pen's width plus half a pixel of antialiasing
  const strength = between(0.85, 1);
  const ink = new Float32Array(SIDE * SIDE);
  for (const stroke of glyph) {
    let from = place(stroke[0]!);
    for (const point of stroke.slice(1)) {
      const to = place(point);
      drawSegment(ink, from, to, reach);
      from = to;
    }
  }
  for (let p = 0; p < pixels.length; p++) {
    const value = strength * ink[p]! + 0.03 * rng.normal();
    pixels[p] = Math.round(255 * Math.min(1, Math.max(0, value)));
  }
}

/** A writer's hand: from the glyph's box to pixels by bend, scale, shear, turn and shift. */
function hand(between: (low: number, high: number) => number): (point: Point) => Point {
  const turn = between(-0.25, 0.25); // radians
  const slant = between(-0.1, 0.35); // most hands lean to the right
  const width = HALF_HEIGHT * between(0.75, 1.15);
  const height = HALF_HEIGHT * between(0.85, 1.08);
  const middle = (SIDE - 1) / 2;
  const shift = [middle + between(-2, 2), middle + between(-1.5, 1.5)] as const;
  const bend = [between(-0.15, 0.15), between(-0.15, 0.15)] as const;
  const phase = [between(0, 2 * Math.PI), between(0, 2 * Math.PI)] as const;
  const [cos, sin] = [Math.cos(turn), Math.sin(turn)];
  return ([x, y]) => {
    const bentX = x + bend[0] * Math.sin(3 * y + phase[0]);
    const bentY = y + bend[1] * Math.sin(3 * x + phase[1]);
    const [u, v] = [width * (bentX - slant * bentY), height * bentY];
    return [shift[0] + cos * u - sin * v, shift[1] + sin * u + cos * v];
  };
}

/** Raises the ink around one straight piece of a stroke to what its pen covers there. */
function drawSegment(ink: Float32Array, [ax, ay]: Point, [bx, by]: Point, reach: number): void {
  const [dx, dy] = [bx - ax, by - ay];
  const squaredLength = Math.max(dx * dx + dy * dy, 1e-12);
  const top = Math.max(0, Math.ceil(Math.min(ay, by) - reach));
  const bottom = Math.min(SIDE - 1, Math.floor(Math.max(ay, by) + reach));
  const left = Math.max(0, Math.ceil(Math.min(ax, bx) - reach));
  const right = Math.min(SIDE - 1, Math.floor(Math.max(ax, bx) + reach));
  for (let y = top; y <= bottom; y++) {
    for (let x = left; x <= right; x++) {
      const along = Math.min(1, Math.max(0, ((x - ax) * dx + (y - ay) * dy) / squaredLength));
      const [ex, ey] = [x - ax - along * dx, y - ay - along * dy];
      const cover = Math.min(1, reach - Math.sqrt(ex * ex + ey * ey));
      if (cover > ink[y * SIDE + x]!) ink[y * SIDE + x] = cover;
    }
  }
}

function line(...points: Point[]): Stroke {
  return points;
}

function arc(x: number, y: number, radiusX: number, radiusY: number, from: number, to: number): Stroke {
  const steps = Math.ceil(Math.abs(to - from) / 20);
  return Array.from({ length: steps + 1 }, (_, i): Point => {
    const angle = ((from + ((to - from) * i) / steps) * Math.PI) / 180;
    return [x + radiusX * Math.cos(angle), y + radiusY * Math.sin(angle)];
  });
}

/** Cuts long pieces, so a bend shows on straight lines too. */
function resample(stroke: Stroke): Stroke {
  return stroke.flatMap((to, i): Point[] => {
    const from = stroke[i - 1];
    if (!from) return [to];
    const pieces = Math.ceil(Math.hypot(to[0] - from[0], to[1] - from[1]) / 0.35);
    return Array.from({ length: pieces }, (_, k): Point => {
      const t = (k + 1) / pieces;
      return [from[0] + t * (to[0] - from[0]), from[1] + t * (to[1] - from[1])];
    });
  });
}
