/** @file Shades of a colour, for one setting at several strengths: the larger the parameter, the darker. */
import { ensure } from "../core/errors";
import { linearOf } from "./colour";

/** CIE lightness of the smallest and of the largest strength; both are apart from white and from black. */
const lightness = [74, 26] as const;
/** What each of red, green and blue, in linear light, adds to luminance. */
const weights = [0.2126, 0.7152, 0.0722] as const;

/**
 * The shade of a colour for a strength between 0 and 1: its hue, from light (0) to dark (1). Every colour of one strength has the
 * same lightness, so shades are told apart in greys and by colour-blind readers too.
 *
 *     L* = 74 - 48 strength; mixed with white (or black) in linear light until its luminance is that of L*
 *
 * @param strength 0..1
 * @source CIE 1976 lightness; IEC 61966-2-1 for sRGB
 */
export function shade(colour: string, strength: number): string {
  ensure(/^#[0-9a-f]{6}$/i.test(colour), "shade", 'needs a colour "#rrggbb"', colour);
  ensure(strength >= 0 && strength <= 1, "shade", "needs a strength in 0..1", strength);
  const linear = linearOf(colour);
  const now = linear.reduce((sum, value, i) => sum + weights[i]! * value, 0);
  const wanted = ((lightness[0] + (lightness[1] - lightness[0]) * strength + 16) / 116) ** 3;
  const white = Math.max(0, (wanted - now) / (1 - now)); // share of white
  const scale = Math.min(1, wanted / now);
  const mixed = linear.map((value) => scale * value * (1 - white) + white);
  return `#${mixed.map((value) => hex(Math.round(255 * fromLinear(value)))).join("")}`;
}

function fromLinear(value: number): number {
  return value <= 0.0031308 ? 12.92 * value : 1.055 * value ** (1 / 2.4) - 0.055;
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, "0").toUpperCase();
}
