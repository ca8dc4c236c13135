/** @file The theory against random instances: what is measured must lie below what is claimed, in every one. */
import { ensure, ensureCount } from "../core/errors";
import type { Rng } from "../core/rng";
import { fedAvgChecks } from "./checks/fedAvgLines";
import { lemmaChecks } from "./checks/lemma";
import type { Check, Checks } from "./checks/line";
import { ruleChecks } from "./checks/rules";
import { theoremChecks } from "./checks/theorem";
import { drawInstance } from "./instances";

export type { Check, Comparison } from "./checks/line";

/** Every inequality of the derivation that an exactly solvable case can break, in the derivation's order. */
export const checks: Checks = { ...theoremChecks, ...lemmaChecks, ...ruleChecks, ...fedAvgChecks };

/** How a line fared on all instances. */
export interface CheckSummary {
  /** What is checked, in words. */
  readonly check: string;
  /** Of the derivation. */
  readonly line: string;
  /** What the line is about. */
  readonly group: Check["group"];
  /** "in expectation", or "in every draw". */
  readonly holds: Check["holds"];
  /** Smaller / larger, one per instance that the line speaks of; a violation is > 1. */
  readonly ratios: readonly number[];
  /** Beyond rounding: ratio > 1 + 1e-9. */
  readonly violations: number;
  /** Largest ratio. */
  readonly worst: number;
  /** Of the ratios. */
  readonly median: number;
}

/**
 * Checks every line on random instances.
 *
 * @param count instances of each line
 * @param rng where they come from; depends on its key alone. All lines of one index share an instance
 * @param options lines: which ones, default all; onProgress: told how many instances of how many are done
 * @returns one summary a line, in the derivation's order
 * @throws InputError when count is no integer >= 1
 * @example
 * checkTheory(2, createRng(1)).every(({ violations }) => violations === 0); // true
 */
export function checkTheory(
  count: number,
  rng: Rng,
  { lines = checks, onProgress }: { lines?: Checks; onProgress?: (done: number, total: number) => void } = {},
): CheckSummary[] {
  ensureCount("checkTheory", "count", count);
  const names = Object.keys(lines);
  const ratios = names.map((): number[] => []);
  for (let i = 0; i < count; i++) {
    const instance = drawInstance(rng.split("instance", i));
    names.forEach((name, c) => {
      const comparison = lines[name]!.compare(instance, rng.split(name, i));
      if (comparison === undefined) return;
      const { smaller, larger } = comparison;
      const ratio = smaller === 0 ? 0 : smaller / larger;
      ensure(ratio >= 0, "checkTheory", `needs two sides >= 0 in "${name}"`, `${smaller} and ${larger}`);
      ratios[c]!.push(ratio);
    });
    onProgress?.(i + 1, count);
  }
  return names.map((check, c) => {
    const { line, group, holds } = lines[check]!;
    const sorted = [...ratios[c]!].sort((a, b) => a - b);
    const violations = sorted.filter((ratio) => ratio > 1 + 1e-9).length;
    return { check, line, group, holds, ratios: ratios[c]!, violations, worst: sorted.at(-1)!, median: sorted[Math.floor((sorted.length - 1) / 2)]! }; // prettier-ignore
  });
}

/** A closed-form expectation against the mean of draws. */
export interface SamplingSummary {
  /** What is checked, in words. */
  readonly check: string;
  /** How many. */
  readonly instances: number;
  /** Draws per instance. */
  readonly draws: number;
  /** Of z = (mean of draws - exact) / standard error; 1 if the closed form is right. */
  readonly rms: number;
  /** |z|. */
  readonly largest: number;
  /** Instances with |z| > 1.96; 5 % are to be expected. */
  readonly outside: number;
  /** Median half-width of the 95 % interval, relative to the expectation. */
  readonly relative: number;
}

/**
 * Samples every expectation that has a closed form: the independent check of the exact ones.
 *
 * @param count instances of each
 * @param draws of each instance, at least 2
 * @param rng where they come from
 * @returns one summary a line that holds in expectation and has a sampler
 * @throws InputError when a count is too small
 * @example
 * sampleTheory(1, 50, createRng(1))[0].check; // "reconstruction error"
 */
export function sampleTheory(count: number, draws: number, rng: Rng): SamplingSummary[] {
  ensureCount("sampleTheory", "count", count);
  ensureCount("sampleTheory", "draws", draws, 2);
  const found = new Map<string, { z: number; width: number }[]>();
  for (let i = 0; i < count; i++) {
    const instance = drawInstance(rng.split("instance", i));
    for (const [name, check] of Object.entries(checks)) {
      const { exact, sample } = check.compare(instance, rng.split(name, i)) ?? {};
      if (exact === undefined || sample === undefined) continue;
      const stream = rng.split("draws", i).split(name);
      const values = Array.from({ length: draws }, () => sample(stream));
      const mean = values.reduce((sum, value) => sum + value / draws, 0);
      const error = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (draws - 1) / draws);
      const z = error > 1e-12 * mean ? (mean - exact) / error : 0;
      found.set(name, [...(found.get(name) ?? []), { z, width: (1.96 * error) / Math.max(exact, Number.MIN_VALUE) }]);
    }
  }
  return [...found].map(([check, entries]) => ({
    check,
    instances: entries.length,
    draws,
    rms: Math.sqrt(entries.reduce((sum, { z }) => sum + (z * z) / entries.length, 0)),
    largest: Math.max(...entries.map(({ z }) => Math.abs(z))),
    outside: entries.filter(({ z }) => Math.abs(z) > 1.96).length,
    relative: entries.map(({ width }) => width).sort((a, b) => a - b)[Math.floor(entries.length / 2)]!,
  }));
}
