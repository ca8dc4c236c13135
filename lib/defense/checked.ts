/** @file A rule as its file writes it, and as it is called: what it reads is data, which the compiler and every call are held against. */
import { types } from "node:util";
import { refuse } from "../core/errors";
import { meantOrAll } from "../core/known";
import type {
  Aggregation,
  AggregationContext,
  AggregationOptions,
  AggregationParameters,
  Aggregator,
  PullBack,
} from "./aggregator";
import { combine } from "../numerics/linear";
import { recycle } from "../numerics/spare";
import type { PreAggregated, PreAggregation, PreAggregationPullBack } from "./preAggregation";

type Name = keyof AggregationParameters;

/** What a rule that reads these parameters gets: no other is in it, so the compiler holds `reads` against the rule. */
export type OptionsOf<K extends Name> = Pick<AggregationParameters, K> & AggregationContext;

/** An aggregation rule as its file writes it. */
interface AggregatorReading<K extends Name> extends Omit<Aggregator, "reads" | "aggregate" | "pullBack" | "keeps"> {
  readonly reads: readonly K[];
  keeps?(n: number, options: OptionsOf<K>): readonly number[];
  aggregate(updates: readonly Float32Array[], options: OptionsOf<K>): Aggregation;
  readonly pullBack: PullBack<OptionsOf<K>> | "weights"; // "weights": v_i = weights[i] cotangent, of the aggregation
}

/** A pre-aggregation as its file writes it. */
interface PreAggregationReading<K extends Name> extends Omit<PreAggregation, "reads" | "transform" | "pullBack"> {
  readonly reads: readonly K[];
  transform(updates: readonly Float32Array[], options: OptionsOf<K>): PreAggregated;
  readonly pullBack: PreAggregationPullBack<OptionsOf<K>> | "members"; // "members": v_i = sum_r members[r][i] cotangents[r]
}

/** What a value must be, in words and as a test of it; n is the number of updates. */
interface Requirement {
  readonly words: (n: number) => string;
  readonly holds: (value: unknown, n: number) => boolean;
}

const isCount = (value: unknown, least: number): boolean => Number.isInteger(value) && (value as number) >= least;
const count = (name: Name, least: number): Requirement => ({
  words: () => `an integer ${name} >= ${least}`,
  holds: (value) => isCount(value, least),
});
const positive = (name: Name): Requirement => ({
  words: () => `a finite ${name} > 0`,
  holds: (value) => Number.isFinite(value) && (value as number) > 0,
});
const list = (value: unknown, holds: (one: unknown) => boolean): boolean => Array.isArray(value) && value.every(holds);

const parameters: Readonly<Record<Name, Requirement>> = {
  f: count("f", 0),
  neighbours: {
    words: () => 'neighbours "n-f-2" or "n-f-1"',
    holds: (value) => value === "n-f-2" || value === "n-f-1",
  },
  iterations: count("iterations", 1),
  smoothing: positive("smoothing"),
  clipNorm: positive("clipNorm"),
  trusted: {
    words: (n) => `trusted, the index of a client in 0..${n - 1}`,
    holds: (value, n) => isCount(value, 0) && (value as number) < n,
  },
  subsampleSize: count("subsampleSize", 1),
  filterFraction: {
    words: () => "a filterFraction >= 0",
    holds: (value) => Number.isFinite(value) && (value as number) >= 0,
  },
  minClusterSize: count("minClusterSize", 2),
  bucketSize: count("bucketSize", 1),
};

const context: Readonly<Record<keyof AggregationContext, Requirement>> = {
  rng: {
    words: () => "rng, a stream as createRng makes one",
    holds: (value) => typeof (value as { split?: unknown } | null)?.split === "function",
  },
  layers: {
    words: () => "layers, the shapes of the weight tensors",
    holds: (value) => list(value, (shape) => list(shape, (side) => isCount(side, 1))),
  },
  previous: { words: () => "previous, a Float32Array", holds: types.isFloat32Array },
  history: { words: () => "history, Float32Arrays", holds: (value) => list(value, types.isFloat32Array) },
  rootUpdate: { words: () => "rootUpdate, a Float32Array", holds: types.isFloat32Array },
  malicious: { words: () => "malicious, an array of indices", holds: Array.isArray },
};

/**
 * The aggregation rule that a file writes. `reads` names all that its code takes of the parameters, or it does not compile; a call
 * without f, with a parameter it reads or anything of the round that is none, with a name that no rule knows, or with updates that are
 * no Float32Arrays is refused before the code runs. What other rules read may be there.
 *
 * @param rule as the file writes it
 * @returns the rule, whose `aggregate` and `pullBack` throw an InputError for such a call
 * @example
 * const first = { name: "first", label: "first", source: "ours", reads: [], pullBack: "weights" };
 * const rule = checkedAggregator({ ...first, aggregate: ([u]) => ({ update: u.slice(), kept: [0], effectiveParticipants: 1, weights: [1, 0] }) });
 * rule.pullBack(updates, { f: 0 }, Float32Array.of(3, 4)); // [[3, 4], [0, 0]]
 */
export function checkedAggregator<const K extends Name>(rule: AggregatorReading<K>): Aggregator {
  return {
    ...rule,
    aggregate(updates, options) {
      ensureCall(rule, updates, options);
      return rule.aggregate(updates, options);
    },
    pullBack(updates, options, cotangent) {
      ensureCall(rule, updates, options);
      ensureCotangents(rule.name, [cotangent], 1, updates[0]!.length);
      if (rule.pullBack !== "weights") return rule.pullBack(updates, options, cotangent);
      const { update, weights } = rule.aggregate(updates, options);
      recycle([update]);
      return weights!.map((weight) => combine([cotangent], [weight]));
    },
  };
}

/**
 * The pre-aggregation that a file writes; see checkedAggregator.
 *
 * @param rule as the file writes it
 * @returns the pre-aggregation, whose `transform` throws an InputError for such a call
 * @example
 * const first = { name: "first", label: "first", source: "ours", reads: [], pullBack: "members" };
 * const rule = checkedPreAggregation({ ...first, transform: ([update]) => ({ updates: [update], members: [[1, 0]] }) });
 * rule.pullBack(updates, { f: 0 }, rule.transform(updates, { f: 0 }), [Float32Array.of(3, 4)]); // [[3, 4], [0, 0]]
 */
export function checkedPreAggregation<const K extends Name>(rule: PreAggregationReading<K>): PreAggregation {
  return {
    ...rule,
    transform(updates, options) {
      ensureCall(rule, updates, options);
      return rule.transform(updates, options);
    },
    pullBack(updates, options, transformed, cotangents) {
      ensureCall(rule, updates, options);
      const { members } = transformed;
      ensureCotangents(rule.name, cotangents, members.length, updates[0]!.length);
      if (rule.pullBack !== "members") return rule.pullBack(updates, options, transformed, cotangents);
      return updates.map((_, i) =>
        combine(
          cotangents,
          members.map((row) => row[i]!),
        ),
      );
    },
  };
}

/** Refuses cotangents that are not one vector for each that came out. */
function ensureCotangents(fn: string, cotangents: readonly Float32Array[], count: number, d: number): void {
  const one = `a cotangent of d = ${d} numbers for each vector that comes out`;
  const fits = Array.isArray(cotangents) && cotangents.length === count;
  if (!fits) refuse(fn, `needs ${one}, ${count}`, Array.isArray(cotangents) ? cotangents.length : kindOf(cotangents));
  for (const cotangent of cotangents) {
    if (!types.isFloat32Array(cotangent)) refuse(fn, `needs ${one}, as a Float32Array`, kindOf(cotangent));
    if (cotangent.length !== d) refuse(fn, `needs ${one}`, cotangent.length);
  }
}

/** Refuses what no rule could make sense of: JavaScript has no compiler that would. Looks at no number of the updates. */
function ensureCall(
  { name: fn, reads }: { readonly name: string; readonly reads: readonly Name[] },
  updates: readonly Float32Array[],
  options: AggregationOptions,
): void {
  if (!Array.isArray(updates)) refuse(fn, "needs an array of updates", kindOf(updates));
  if (updates.length === 0) refuse(fn, "needs n >= 1 updates", 0);
  const odd = updates.findIndex((update) => !types.isFloat32Array(update));
  if (odd >= 0) refuse(fn, "needs updates that are Float32Arrays", `${kindOf(updates[odd])} in update ${odd}`, "see Float32Array.from"); // prettier-ignore
  const remedy = "give { f: 0 } where nobody is suspected";
  if (!isRecord(options)) refuse(fn, "needs an object of options", kindOf(options), remedy);
  if (options.f === undefined) refuse(fn, "needs f, how many are assumed malicious", "none", remedy);
  for (const key of Object.keys(options)) ensureName(fn, key);
  const given: Readonly<Record<string, unknown>> = { ...options };
  const n = updates.length;
  const ensureEach = (names: readonly string[], requirements: Readonly<Record<string, Requirement>>): void => {
    for (const key of names) {
      const [value, { words, holds }] = [given[key], requirements[key]!];
      if (value !== undefined && !holds(value, n)) refuse(fn, `needs ${words(n)}`, shown(value));
    }
  };
  ensureEach(reads.includes("f") ? reads : ["f", ...reads], parameters);
  ensureEach(Object.keys(context), context);
}

function ensureName(fn: string, key: string): void {
  if (Object.hasOwn(parameters, key) || Object.hasOwn(context, key)) return;
  const known = [...Object.keys(parameters), ...Object.keys(context)];
  refuse(fn, "needs options that a rule knows", key, meantOrAll(key, known));
}

function isRecord(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A value in an error: numbers and names as they are, of others what they are. */
function shown(value: unknown): unknown {
  return typeof value === "number" ? value : typeof value === "string" ? JSON.stringify(value) : kindOf(value);
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" && value !== null
    ? Object.prototype.toString.call(value).slice(8, -1)
    : String(value);
}
