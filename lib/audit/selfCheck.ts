/** @file Whether a spec is true of what a client knows: what it sent follows from its own images; and if not, why not. */
import { ensure, refuse } from "../core/errors";
import type { Batch } from "../core/types";
import { buildNetwork, isName } from "../model/buildNetwork";
import { activationNames } from "../model/layers/activation";
import { poolingNames } from "../model/layers/pooling";
import type { Normalization } from "../model/layers/shape";
import type { Network } from "../model/network";
import { clientUpdate, relativeError } from "./clientUpdate";
import { roundingLength } from "./precision";
import type { RecordedRound, Recording } from "./recording";
import type { AuditSpec } from "./spec";

const FN = "audit";
const tolerance = 1e-3;

/**
 * Holds what the attacker sent against what its own batch gives at the broadcast, and computes what it sent where that was not kept.
 *
 * @param spec see readSpec
 * @param recording its files
 * @returns the recording with own updates wherever there are own batches, and the relative error per round: null where there is nothing
 *   to hold against each other, or clients clip and add noise
 * @throws InputError where the error is above 1e-3 (or what rounding allows), naming what would fit
 * @example
 * const spec = await readSpec(join(projectRoot, "examples", "one-image-each.json"));
 * checkOwn(spec, await readRecording(spec)).errors[0] < 1e-3; // true
 */
export function checkOwn(
  spec: AuditSpec,
  recording: Recording,
): { readonly recording: Recording; readonly errors: readonly (number | null)[] } {
  const isPlain = spec.protocol.privacy === "none" && spec.protocol.poisoning === "none";
  if (!isPlain) return { recording, errors: recording.rounds.map(() => null) };
  const errors: (number | null)[] = [];
  let sent: Float32Array | null = null; // s of the round before, where momentum is kept
  const rounds = recording.rounds.map((round): RecordedRound => {
    const { ownBatch, ownUpdate, weights } = round;
    if (ownBatch === null) {
      if (ownUpdate !== null) checkKind(spec, round);
      errors.push(null);
      return round;
    }
    const fresh = ownUpdateOf(spec, round, weights, ownBatch);
    const before: Float32Array | null = spec.momentumKept ? sent : null;
    const computed: Float32Array = before === null ? fresh : fresh.map((g, i) => g + spec.momentum * before[i]!);
    sent = ownUpdate ?? computed;
    if (ownUpdate === null) {
      errors.push(null);
      return { ...round, ownUpdate: computed };
    }
    const error = relativeError(computed, ownUpdate);
    const allowed = Math.max(tolerance, (2 * roundingLength(round, spec.learningRate)) / lengthOf(ownUpdate));
    errors.push(error);
    if (error <= allowed) return round;
    const cause = before === null ? causeOf(spec, recording, round, allowed) : null;
    return refuse(FN, `needs own.update of round ${round.round} to be what own.batch gives at the broadcast to a relative error of ${allowed.toPrecision(1)}`, error.toPrecision(2), cause ?? untold); // prettier-ignore
  });
  return { recording: { ...recording, rounds }, errors };
}

const untold =
  "no other pooling, activation, normalisation, learning rate, momentum, sign, order of labels or round fits: look at the model and the batch";

function ownUpdateOf(spec: AuditSpec, round: RecordedRound, weights: Float32Array, batch: Batch): Float32Array {
  return clientUpdate(networkFor(spec, round), weights, batch, trainingOf(spec));
}

/** The model of a round, as it is or with something otherwise. */
function networkFor(spec: AuditSpec, { model }: RecordedRound, changes: Partial<AuditSpec> = {}): Network {
  const { activation, pooling, inputShape, numClasses, normalize } = { ...spec, ...changes };
  return buildNetwork(model, inputShape, numClasses, { activation, pooling, ...(normalize && { normalize }) });
}

/** Where momentum is kept from round to round it is added by the caller. */
function trainingOf(spec: AuditSpec): Pick<AuditSpec, "learningRate" | "localSteps" | "momentum" | "batchSize"> {
  return { ...spec, momentum: spec.momentumKept ? 0 : spec.momentum };
}

/** Refuses a gradient that is like the weights, and weights that are not. */
function checkKind({ own, learningRate }: AuditSpec, { round, weights, ownUpdate }: RecordedRound): void {
  const { kind } = own.update!;
  const given = kind === "gradient" ? ownUpdate! : weights.map((w, i) => w - learningRate * ownUpdate![i]!);
  const isNear = relativeError(given, weights) < 0.5;
  const remedy = kind === "gradient" ? 'say "update": { "file": …, "kind": "weights" }' : 'say "kind": "gradient"';
  ensure(isNear === (kind === "weights"), FN, `needs own.update of round ${round} to be ${kind === "weights" ? "weights" : "a gradient"}`, isNear ? "numbers near the broadcast's" : "numbers far from the broadcast's", remedy); // prettier-ignore
}

/** An explanation: what would be so, and how far what was sent is from what would then have been sent. */
interface Cause {
  readonly what: string;
  readonly error: number;
}

const usualNormalizations: readonly (readonly [name: string, mean: readonly number[], std: readonly number[]])[] = [
  ["[-1, 1]", [0.5], [0.5]],
  ["MNIST", [0.1307], [0.3081]],
  ["Fashion-MNIST", [0.286], [0.353]],
  ["Fashion-MNIST", [0.2859], [0.353]],
  ["Fashion-MNIST", [0.286], [0.3205]],
  ["CIFAR-10", [0.4914, 0.4822, 0.4465], [0.2023, 0.1994, 0.201]],
  ["CIFAR-10", [0.4914, 0.4822, 0.4465], [0.247, 0.2435, 0.2616]],
  ["CIFAR-100", [0.5071, 0.4867, 0.4408], [0.2675, 0.2565, 0.2761]],
  ["ImageNet", [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]],
  ["0..255", [0], [1 / 255]],
];

/** What is likely to be wrong with a spec, if something fits; else null. */
function causeOf(spec: AuditSpec, recording: Recording, round: RecordedRound, allowed: number): string | null {
  const { weights, ownBatch, ownUpdate } = round;
  const [batch, sent] = [ownBatch!, ownUpdate!];
  const computed = (changes: Partial<AuditSpec>, at = weights, on = batch): Float32Array =>
    clientUpdate(networkFor(spec, round, changes), at, on, trainingOf({ ...spec, ...changes }));
  const tried: (() => Iterable<Cause>)[] = [
    () => otherKinds(spec, round, computed({})),
    () => otherModels(spec, (changes) => relativeError(computed(changes), sent)),
    () => otherNormalizations(spec, (changes) => relativeError(computed(changes), sent)),
    () => otherRates(spec, sent, (learningRate) => computed({ learningRate })),
    () => otherMomenta(spec, (changes) => relativeError(computed(changes), sent)),
    () => otherLabels(batch, spec.numClasses, (on) => relativeError(computed({}, weights, on), sent)),
    () => otherRounds(spec, recording, round, (at, on, u) => relativeError(computed({}, at, on), u)),
  ];
  for (const causes of tried)
    for (const { what, error } of causes()) if (error <= allowed) return `${what} fits (${error.toPrecision(2)})`;
  return null;
}

/** The update taken for what the spec does not say that it is. */
function* otherKinds(
  { own, learningRate }: AuditSpec,
  { weights, ownUpdate }: RecordedRound,
  computed: Float32Array,
): Iterable<Cause> {
  const isGradient = own.update!.kind === "gradient";
  const raw = isGradient ? ownUpdate! : weights.map((w, i) => w - learningRate * ownUpdate![i]!);
  const cause = (what: string, u: Float32Array): Cause => ({ what, error: relativeError(u, computed) });
  if (isGradient)
    yield cause('"kind": "weights" for own.update', weights.map((w, i) => (w - raw[i]!) / learningRate)); // prettier-ignore
  else yield cause('"kind": "gradient" for own.update', raw);
  yield cause("own.update of the other sign", ownUpdate!.map((u) => -u)); // prettier-ignore
  yield cause("own.update as old weights minus new ones, which the learning rate divides,", raw.map((u) => u / learningRate)); // prettier-ignore
  yield cause("own.update as new weights minus old ones, which minus the learning rate divides,", raw.map((u) => -u / learningRate)); // prettier-ignore
}

/** Other activations and poolings of a named model. */
function* otherModels(spec: AuditSpec, errorOf: (changes: Partial<AuditSpec>) => number): Iterable<Cause> {
  if (!isName(spec.model)) return;
  const { pooling: p, activation: a } = spec;
  const all = activationNames.flatMap((activation) => poolingNames.map((pooling) => ({ activation, pooling })));
  const changed = ({ activation, pooling }: (typeof all)[number]): number => Number(activation !== a) + Number(pooling !== p); // prettier-ignore
  for (const changes of all.filter((one) => changed(one) > 0).sort((x, y) => changed(x) - changed(y))) {
    const { activation, pooling } = changes;
    const said = [activation !== a && `"activation": "${activation}"`, pooling !== p && `"pooling": "${pooling}"`];
    yield { what: said.filter(Boolean).join(", "), error: errorOf(changes) };
  }
}

/** Inputs that are normalised otherwise, or not. */
function* otherNormalizations(spec: AuditSpec, errorOf: (changes: Partial<AuditSpec>) => number): Iterable<Cause> {
  const [channels] = spec.inputShape;
  if (spec.normalize !== null) yield { what: '"normalize": null', error: errorOf({ normalize: null }) };
  for (const [name, mean, std] of usualNormalizations) {
    if (mean.length !== 1 && mean.length !== channels) continue;
    const each = (values: readonly number[]): number[] => Array.from({ length: channels! }, (_, c) => values[c % values.length]!); // prettier-ignore
    const normalize: Normalization = { mean: each(mean), std: each(std) };
    yield { what: `"normalize": ${JSON.stringify(normalize)} (${name})`, error: errorOf({ normalize }) };
  }
}

/** Eta by which what was sent is of the length that it should be: exact after one step where tau = 1, and after some for more. */
function* otherRates(
  { learningRate, own, batchSize }: AuditSpec,
  sent: Float32Array,
  computed: (learningRate: number) => Float32Array,
): Iterable<Cause> {
  let rate = learningRate;
  let [scaled, u] = [sent, sent];
  for (let i = 0; i < 12; i++) {
    u = computed(own.update!.kind === "weights" ? rate : learningRate);
    const share = dot(u, sent) / dot(sent, sent); // u = share sent
    if (!(share > 0)) return;
    rate = learningRate / share;
    scaled = sent.map((x) => x * share);
  }
  const error = relativeError(u, scaled);
  const shown = Number(rate.toPrecision(4));
  if (own.update!.kind === "weights") {
    const sums = batchSize > 1 && Math.abs(rate / learningRate - batchSize) < 1e-2 * batchSize;
    yield { what: `"learningRate": ${shown}${sums ? ", or a loss that sums over the batch," : ""}`, error };
  } else yield { what: `own.update divided by ${Number((rate / learningRate).toPrecision(4))}`, error };
}

function* otherMomenta(spec: AuditSpec, errorOf: (changes: Partial<AuditSpec>) => number): Iterable<Cause> {
  if (spec.localSteps === 1 || spec.momentumKept) return;
  for (const momentum of [0, 0.5, 0.8, 0.9, 0.95, 0.99])
    if (momentum !== spec.momentum) yield { what: `"momentum": ${momentum}`, error: errorOf({ momentum }) };
}

const mostOrders = 24;

/** Labels of the batch in another order. */
function* otherLabels(batch: Batch, numClasses: number, errorOf: (on: Batch) => number): Iterable<Cause> {
  const { labels, size } = batch;
  const orders: Int32Array[] =
    size === 1
      ? Array.from({ length: numClasses }, (_, label) => Int32Array.of(label))
      : [...(size <= 4 ? permutations([...labels]) : [[...labels].reverse(), [...labels].sort((a, b) => a - b)])].map((order) => Int32Array.from(order)); // prettier-ignore
  for (const order of orders.slice(0, mostOrders))
    if (String(order) !== String(labels))
      yield { what: `labels [${[...order].join(", ")}] of own.batch instead of [${[...labels].join(", ")}]`, error: errorOf({ ...batch, labels: order }) }; // prettier-ignore
  if (size === 1) return;
  const pixels = batch.images.length / size;
  const images = batch.images.slice();
  for (let i = 0; i < size; i++)
    images.set(batch.images.subarray((size - 1 - i) * pixels, (size - i) * pixels), i * pixels);
  yield { what: "own.batch in reverse order", error: errorOf({ images, labels: labels.slice().reverse(), size }) };
}

/** The update of another round. */
function* otherRounds(
  { own, learningRate }: AuditSpec,
  { rounds }: Recording,
  now: RecordedRound,
  errorOf: (weights: Float32Array, batch: Batch, sent: Float32Array) => number,
): Iterable<Cause> {
  const { weights, ownBatch, ownUpdate } = now;
  const isWeights = own.update!.kind === "weights";
  /** What a round's file of weights is as an update of other weights. */
  const sentFrom = (base: Float32Array, of: RecordedRound): Float32Array =>
    isWeights ? of.ownUpdate!.map((u, i) => u + (base[i]! - of.weights[i]!) / learningRate) : of.ownUpdate!;
  for (const other of rounds) {
    if (other.round === now.round) continue;
    yield { what: `the broadcast of round ${other.round} (${other.files[0]})`, error: errorOf(other.weights, ownBatch!, sentFrom(other.weights, now)) }; // prettier-ignore
    yield { what: `own.batch of round ${other.round}`, error: errorOf(weights, other.ownBatch!, ownUpdate!) };
    yield { what: `own.update of round ${other.round}`, error: errorOf(weights, ownBatch!, sentFrom(weights, other)) };
  }
}

function* permutations(values: readonly number[]): Iterable<number[]> {
  if (values.length <= 1) yield [...values];
  for (const [i, first] of values.entries())
    for (const rest of values.length > 1 ? permutations(values.filter((_, k) => k !== i)) : []) yield [first, ...rest];
}

function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, x, i) => sum + x * b[i]!, 0);
}

function lengthOf(vector: Float32Array): number {
  return Math.sqrt(dot(vector, vector));
}
