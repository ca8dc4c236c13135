/** @file Texts of others in a terminal or a log. */

const most = 2000; // characters

/**
 * A text as it can be shown: characters that would move a cursor, colour, reorder or begin another line are spelled out, and it
 * ends somewhere.
 *
 * @returns at most 2000 characters of it, and "…" where there are more
 */
export function printable(text: string): string {
  const spell = (character: string): string => `\\u{${character.codePointAt(0)!.toString(16)}}`;
  const shown = text.slice(0, most).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, spell);
  return text.length > most ? `${shown}…` : shown;
}
