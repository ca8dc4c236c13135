/** @file Numbers of things in sentences. */

/**
 * So many of something.
 *
 * @param count of them
 * @param what one of them
 * @returns the number and the noun, with an s where they are not one
 * @example
 * many(2, "round"); // "2 rounds"
 */
export function many(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
