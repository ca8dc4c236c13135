/** @file How much memory a process may fill with tensors. */
import { ensure } from "./errors";

const units: Readonly<Record<string, number>> = {
  ...{ "": 1, B: 1, kB: 1e3, KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 },
  ...{ KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 },
};

/**
 * What this process may fill with tensors at once: the environment's CURIOUS_MEMORY ("4 GiB", "500 MB", or a number of bytes),
 * else half of what is free, within the limits that a container sets.
 *
 * @returns bytes, above 0
 */
export function memoryBudget(): number {
  const asked = process.env["CURIOUS_MEMORY"];
  if (asked === undefined || asked === "") return process.availableMemory() / 2;
  const [, number, unit] = /^(\d+(?:\.\d+)?) ?([A-Za-z]*)$/.exec(asked) ?? [];
  const bytes = Number(number) * (units[unit ?? ""] ?? NaN);
  ensure(bytes > 0, "memoryBudget", 'needs CURIOUS_MEMORY such as "4 GiB", "500 MB" or a number of bytes', asked);
  return bytes;
}
