/** @file Colours as eyes see them: how far two are apart, and one that is far from others. */
import { ensure } from "../core/errors";

/** Colour vision in linear RGB; dichromats after Machado, Oliveira and Fernandes 2009, table 1, severity 1. */
const sights = [
  [[1, 0, 0], [0, 1, 0], [0, 0, 1]], // prettier-ignore
  [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]], // prettier-ignore
  [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]], // prettier-ignore
] as const;

const fromRgb = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]] as const; // prettier-ignore
const white = [0.95047, 1, 1.08883] as const;

/**
 * Red, green and blue of a colour in linear light.
 *
 * @param colour "#rrggbb"
 * @returns three numbers in 0..1
 * @throws InputError when the colour has another form
 * @example
 * linearOf("#FF0000"); // [1, 0, 0]
 * @source IEC 61966-2-1
 */
export function linearOf(colour: string): number[] {
  ensure(/^#[0-9a-f]{6}$/i.test(colour), "linearOf", 'needs a colour "#rrggbb"', colour);
  const values = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16) / 255);
  return values.map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
}

const seen = new Map<string, number[][]>();

/** CIE L*a*b* (D65) of a colour, as each kind of sight sees it. */
function labOf(colour: string): number[][] {
  let all = seen.get(colour);
  if (all === undefined) {
    const rgb = linearOf(colour);
    all = sights.map((sight) => {
      const felt = times(sight, rgb).map((value) => Math.min(1, Math.max(0, value)));
      const [x, y, z] = times(fromRgb, felt).map((value, i) => cubeRoot(value / white[i]!)) as [number, number, number];
      return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
    });
    seen.set(colour, all);
  }
  return all;
}

const times = (matrix: readonly (readonly number[])[], v: readonly number[]): number[] =>
  matrix.map((row) => row.reduce((sum, x, i) => sum + x * v[i]!, 0));
const cubeRoot = (t: number): number => (t > 0.008856 ? Math.cbrt(t) : 7.787 * t + 16 / 116);

/**
 * How far two colours are apart for the reader who sees the least of it: CIE 1976 distance in L*a*b*, the smallest of normal, protan
 * and deutan sight. 2.3 is just noticeable on patches that touch; thin lines need several times that.
 *
 * @param a "#rrggbb"
 * @param b "#rrggbb"
 * @returns a distance >= 0; 100 from black to white
 * @throws InputError when a colour has another form
 * @example
 * Math.round(distance("#000000", "#FFFFFF")); // 100
 * @source CIE 1976; Machado, Oliveira and Fernandes 2009 for the dichromats
 */
export function distance(a: string, b: string): number {
  const [ours, theirs] = [labOf(a), labOf(b)];
  return Math.min(...ours.map((lab, s) => Math.hypot(...lab.map((value, i) => value - theirs[s]![i]!))));
}

const levels = [0, 0x22, 0x44, 0x66, 0x88, 0xaa, 0xcc, 0xee].map((level) => level.toString(16).padStart(2, "0").toUpperCase()); // prettier-ignore
const onPaper = (colour: string): boolean => labOf(colour).every(([light]) => light! < 74); // neither too pale on white

/** Every colour that is not too pale for a line on white. */
const palette = (): readonly string[] => {
  chosen ??= levels.flatMap((r) => levels.flatMap((g) => levels.map((b) => `#${r}${g}${b}`))).filter(onPaper);
  return chosen;
};
let chosen: readonly string[] | undefined;

/**
 * The colour that is farthest from all that are taken.
 *
 * @param taken colours "#rrggbb"; none gives black
 * @returns "#RRGGBB", dark enough for a line on white; of equals the first
 * @throws InputError when a colour has another form
 * @example
 * farthestFrom(["#000000"]); // "#0000EE"
 */
export function farthestFrom(taken: readonly string[]): string {
  const apart = (colour: string): number => Math.min(Infinity, ...taken.map((other) => distance(colour, other)));
  return palette().reduce((best, colour) => (apart(colour) > apart(best) ? colour : best));
}
