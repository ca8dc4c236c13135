/** @file A rule behind pre-aggregations, which still speaks of clients. */
import { refuse } from "../core/errors";
import type { Aggregation, AggregationOptions, Aggregator } from "./aggregator";
import { checkedAggregator } from "./checked";
import { participationRatio } from "../numerics/linear";
import type { PreAggregated, PreAggregation } from "./preAggregation";
import { preAggregations, type PreAggregationName } from "./preAggregations";
import { recycle } from "../numerics/spare";

type Members = readonly (readonly number[])[]; // [m][n]; vector r is sum_i members[r][i] updates[i]

/**
 * Puts pre-aggregations in front of a rule. The outcome is a rule: `kept` and `weights` are of the clients, by way of the vectors that
 * they are in, and `effectiveParticipants` follows from the weights:
 *
 * w = sum_r weights[r] members[r], M_eff = (sum_i w_i)^2 / sum_i w_i^2
 *
 * Of a rule that does not say its weights, what the vectors it kept (all, if it is a coordinate-wise one) have in common is not
 * averaged, and the rest is as by e = `effectiveParticipants` of them, as with e of them drawn at random: exact for vectors of which any two have
 * as much in common, and where that differs, sum_i w_i^2 is taken in expectation. Where the number of vectors
 * changes, the rule is not told who is malicious nor the clients' histories, and `trusted` becomes the first vector that client is in.
 * The vectors between are written on again in the next round, so the rule may not keep them.
 *
 * @param rule that aggregates in the end
 * @param names of pre-aggregations, the first first
 * @returns a rule named "first>second>rule", whose pull-back is theirs in turn; the given one without names
 * @throws InputError when a name is not known
 * @example
 * const updates = [0, 1, 50].map((x) => Float32Array.of(x));
 * preAggregate(krum, ["nnm"]).aggregate(updates, { f: 1, neighbours: "n-f-1" }).kept; // [0, 1]
 */
export function preAggregate(rule: Aggregator, names: readonly PreAggregationName[]): Aggregator {
  if (names.length === 0) return rule;
  const before = names.map((name) => {
    const known = Object.keys(preAggregations).join(", ");
    if (!Object.hasOwn(preAggregations, name)) refuse("preAggregate", `needs one of ${known}`, name);
    return preAggregations[name];
  });
  return checkedAggregator({
    name: [...names, rule.name].join(">"),
    label: [rule, ...before].map(({ label }) => label).join(" + "),
    source: [...before, rule].map(({ source }) => source).join("; "),
    reads: [...new Set([...before, rule].flatMap(({ reads }) => reads))],
    aggregate(updates, options) {
      const { stages, vectors, known } = pass(before, updates, options);
      const aggregation = rule.aggregate(vectors, known);
      recycle(madeIn(stages, updates).filter((vector) => vector !== aggregation.update));
      let members: Members = updates.map((_, r) => updates.map((_, i) => (i === r ? 1 : 0)));
      for (const { next } of stages) members = next.members.map((weights) => mixture(weights, members));
      return ofClients(aggregation, members);
    },
    pullBack(updates, options, cotangent) {
      const { stages, vectors, known } = pass(before, updates, options);
      let pulled = rule.pullBack(vectors, known, cotangent);
      for (const stage of [...stages].reverse()) {
        const { step, vectors: came, known: then, next } = stage;
        const behind = pulled;
        pulled = step.pullBack(came, then, next, behind);
        recycle(behind);
      }
      recycle(madeIn(stages, updates));
      return pulled;
    },
  });
}

/** A pre-aggregation, what came to it and what it gave. */
interface Stage {
  readonly step: PreAggregation;
  readonly vectors: readonly Float32Array[];
  readonly known: AggregationOptions;
  readonly next: PreAggregated;
}

/** Updates through all pre-aggregations, and what the rule behind them gets. */
function pass(
  before: readonly PreAggregation[],
  updates: readonly Float32Array[],
  options: AggregationOptions,
): { stages: Stage[]; vectors: readonly Float32Array[]; known: AggregationOptions } {
  const stages: Stage[] = [];
  let [vectors, known] = [updates, options];
  for (const step of before) {
    const next = step.transform(vectors, known);
    stages.push({ step, vectors, known, next });
    if (next.updates.length !== vectors.length) known = ofVectors(known, next.members);
    vectors = next.updates;
  }
  return { stages, vectors, known };
}

/** The vectors that pre-aggregations made: those that they passed on as they came are the clients'. */
function madeIn(stages: readonly Stage[], updates: readonly Float32Array[]): Float32Array[] {
  const made = new Set(stages.flatMap(({ next }) => next.updates));
  updates.forEach((vector) => made.delete(vector));
  return [...made];
}

/** What is known of the round, when vectors stand for several clients. */
function ofVectors({ malicious, history, trusted, ...rest }: AggregationOptions, members: Members): AggregationOptions {
  return trusted === undefined ? rest : { ...rest, trusted: members.findIndex((weights) => weights[trusted]! > 0) };
}

/** sum_r weights[r] members[r] */
function mixture(weights: readonly number[], members: Members): number[] {
  return members[0]!.map((_, i) => members.reduce((sum, row, r) => sum + weights[r]! * row[i]!, 0));
}

/** An aggregation of vectors as one of the clients in them. */
function ofClients({ update, kept, effectiveParticipants, weights }: Aggregation, members: Members): Aggregation {
  if (weights !== undefined) {
    const clients = mixture(weights, members);
    return { update, kept: nonZero(clients), effectiveParticipants: participationRatio(clients), weights: clients };
  }
  const drawn = kept.length > 0 ? kept.map((r) => members[r]!) : members;
  const inIt = mixture(
    drawn.map(() => 1 / drawn.length),
    drawn,
  );
  return {
    update,
    kept: kept.length > 0 ? nonZero(inIt) : [],
    effectiveParticipants: expectedCount(drawn, effectiveParticipants),
  };
}

/** M_eff of the mean of e of the vectors, drawn at random without replacement: E|sum of e|^2 from their inner products. e may be no integer. */
function expectedCount(members: Members, e: number): number {
  const m = members.length;
  const all = mixture(
    members.map(() => 1),
    members,
  );
  const square = (w: readonly number[]): number => w.reduce((sum, x) => sum + x ** 2, 0);
  const own = members.reduce((sum, row) => sum + square(row), 0);
  const others = square(all) - own;
  const pairs = m > 1 ? (e * (e - 1)) / (m * (m - 1)) : 0;
  const total = (e / m) * all.reduce((sum, x) => sum + x, 0);
  return total ** 2 / ((e / m) * own + pairs * others);
}

function nonZero(weights: readonly number[]): number[] {
  return weights.flatMap((w, i) => (w === 0 ? [] : [i]));
}
