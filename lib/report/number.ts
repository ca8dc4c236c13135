/** @file Numbers as readers and files want them: few digits, the same in every place. */

/**
 * Rounds to significant digits, so noise in the last bits changes no file.
 *
 * @param value any number; NaN and infinities come back as they are
 * @param digits significant digits, 1..17
 * @returns the nearest number with that many digits; never -0
 */
export function roundTo(value: number, digits: number): number {
  return Number.isFinite(value) ? Number(value.toPrecision(digits)) + 0 : value;
}

/**
 * A number as text with significant digits, trailing zeros kept; integers in full.
 *
 * @returns "–" for NaN; exponents below 0.001 and from a million on
 */
export function formatNumber(value: number, digits = 3): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e6) return String(value + 0);
  return formatReal(value, digits);
}

/**
 * A number as text with significant digits, whether or not it is an integer: for columns that hold both.
 *
 * @returns as formatNumber, but "1.00" for 1
 */
export function formatReal(value: number, digits = 3): string {
  if (Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "-∞";
  if (value === 0) return (0).toPrecision(digits);
  const rounded = roundTo(value, digits); // 999.7 is to count as 1000
  const size = Math.abs(rounded);
  if (size < 1e-3 || size >= 1e6) return value.toExponential(digits - 1).replace("e+", "e");
  return size >= 10 ** digits ? value.toFixed(0) : rounded.toPrecision(digits);
}
