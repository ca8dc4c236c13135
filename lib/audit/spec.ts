/** @file What a user says of a federation: SPEC.json, with defaults for what is left out. */
import { basename, dirname, isAbsolute, join, resolve } from "node:path";
import { ensure, ensureCount, refuse } from "../core/errors";
import { ensureKnown, ensureNames } from "../core/known";
import { ensureLabels } from "../core/typed";
import type { Shape } from "../core/types";
import { defaultPrivacy } from "../defense/privacy/privacy";
import { bytesOf } from "../files/bytesOf";
import { defaultFederation } from "../fl/config";
import { buildNetwork, isName, stateDictOf, type ModelSpec } from "../model/buildNetwork";
import { withStatistics } from "../model/layerList";
import { activationNames, type ActivationName } from "../model/layers/activation";
import { poolingNames, type PoolingName } from "../model/layers/pooling";
import type { Normalization } from "../model/layers/shape";
import { architectures } from "../model/architectures";
import { volume } from "../model/stack";
import { attackers, type AttackerName, type AttackerOptions } from "../reconstruction/attackers";
import { priors, type PriorName } from "../reconstruction/priors";
import { checkProtocol, isPlainMean, protocolOf, type Protocol } from "../reconstruction/protocol";

const FN = "audit";

/** What the attacker has of its own. */
export interface OwnSpec {
  /** Its images and their labels: for the guess, the other priors and the floor. */
  readonly images: string | null;
  /** Theirs. */
  readonly labels: string | null;
  /** What it sent, in each round. */
  readonly update: { readonly file: readonly string[]; readonly kind: "weights" | "gradient" } | null;
  /** What it computed that from, in each round; labels are looked up among its images where there are none. */
  readonly batch: { readonly images: readonly string[]; readonly labels: readonly string[] | null } | null;
}

/** What the attacker does. */
export interface AttackerSpec {
  /** Its preset, with what is said otherwise. */
  readonly options: AttackerOptions;
  /** Tried after the preset's own, with the labels that it found. */
  readonly priors: readonly PriorName[];
}

/** A federation to audit; paths are absolute. */
export interface AuditSpec {
  /** Of the file, without its ending. */
  readonly name: string;
  /** A name of `architectures`, or layers. */
  readonly model: ModelSpec;
  /** Of a model with a name; default "relu". */
  readonly activation: ActivationName;
  /** Of a model with a name; default "max". */
  readonly pooling: PoolingName;
  /** [C, H, W]. */
  readonly inputShape: Shape;
  /** K. */
  readonly numClasses: number;
  /** What clients do to images in [0, 1]; default null: nothing. */
  readonly normalize: Normalization | null;
  /** Files or patterns, in the order of their arrival. */
  readonly broadcasts: readonly string[];
  /** Eta of the local steps; the server's is 1. */
  readonly learningRate: number;
  /** M; null is estimated. */
  readonly numClients: number | null;
  /** B, default 1. */
  readonly batchSize: number;
  /** Tau, default 1. */
  readonly localSteps: number;
  /** Mu of local steps, default 0. */
  readonly momentum: number;
  /** Whether clients keep it from round to round; default false: it begins at 0 in each. */
  readonly momentumKept: boolean;
  /** What updates weigh, the attacker's in its place; default null: all alike. */
  readonly clientWeights: readonly number[] | null;
  /** Whether clientWeights were given in full; else the peers' share what the attacker's leaves. */
  readonly peersWeighAlike: boolean;
  /** As in FederationConfig; default the mean without privacy, of a passive attacker who is client 0. */
  readonly protocol: Protocol;
  /** Default null, all of it. */
  readonly own: OwnSpec;
  /** Default "strongest". */
  readonly attacker: AttackerSpec;
  /** Of the private images, if known; default null: inferred. Of several rounds one list each. */
  readonly labels: readonly (readonly number[])[] | readonly string[] | null;
  /** The private images, for scoring alone; default null. */
  readonly truth: { readonly images: readonly string[]; readonly labels: readonly string[] } | null;
}

const fields = [
  ...["model", "activation", "pooling", "inputShape", "numClasses", "normalize", "broadcasts", "learningRate"],
  ...["numClients", "batchSize", "localSteps", "momentum", "clientWeights", "protocol", "own", "attacker", "labels"],
  "truth",
];
const needed = ["model", "inputShape", "numClasses", "broadcasts", "learningRate"];

/**
 * Reads a spec from its file.
 *
 * @param file path of SPEC.json
 * @returns the spec, whose paths start from the file's folder
 * @throws InputError when there is no such file, it is no JSON, or as checkSpec
 * @example
 * const spec = await readSpec(join(projectRoot, "examples", "one-image-each.json"));
 * spec.numClients; // 5
 */
export async function readSpec(file: string): Promise<AuditSpec> {
  const { bytes } = await bytesOf(FN, file, { maxBytes: 1e7 });
  let given: unknown;
  try {
    given = JSON.parse(bytes.toString("utf8"));
  } catch (error) {
    return refuse(FN, `needs JSON in ${file}`, (error as Error).message.split("\n")[0]);
  }
  return checkSpec(given, dirname(resolve(file)), basename(file).replace(/\.json$/i, ""));
}

/**
 * What a spec says, with what it leaves out; refuses one that cannot be.
 *
 * @param given what JSON.parse gives
 * @param folder from which its paths start
 * @param name of the audit
 * @returns the spec, owned by the caller
 * @throws InputError naming the field, what it needs, what it got, and the name that was perhaps meant
 * @example
 * const known = { inputShape: [1, 28, 28], numClasses: 10, broadcasts: "round{k}.npz", learningRate: 0.1 };
 * checkSpec({ ...known, model: "lenet5", numClients: 5 }, "/data").pooling; // "max"
 * checkSpec({ ...known, model: "lenet5", pooling: "avg" }, "/data"); // throws "audit: needs pooling to be one of average, max, got avg; did you mean average?"
 */
export function checkSpec(given: unknown, folder: string, name = "audit"): AuditSpec {
  ensureNames(FN, "the spec", given as object, fields);
  const spec = given as Record<string, unknown>;
  for (const field of needed) if (isMissing(spec[field])) refuse(FN, `needs ${field} in the spec`, "none");
  const at = (path: unknown, field: string): string => pathOf(path, field, folder);
  const model = modelOf(spec);
  const numClients = isMissing(spec["numClients"]) ? null : countOf(spec, "numClients");
  const [batchSize, localSteps] = [countOf(spec, "batchSize", 1), countOf(spec, "localSteps", 1)];
  const { learningRate } = spec;
  ensure(isNumber(learningRate) && learningRate > 0, FN, "needs a finite learningRate > 0", learningRate);
  const protocol = protocolIn(spec["protocol"], numClients);
  const { momentum, kept } = momentumIn(spec["momentum"]);
  ensure(!kept || localSteps === 1, FN, "needs momentum that begins at 0 in each round where localSteps > 1", '"kept": true', "with kept momentum one local step can be audited"); // prettier-ignore
  ensure(!kept || isPlainMean(protocol), FN, "needs the plain mean where momentum is kept", protocol.aggregator);
  const own = ownIn(spec["own"], at);
  const hasOwnUpdate = own.update !== null || own.batch !== null;
  ensure(numClients !== null || hasOwnUpdate, FN, "needs numClients where own has no update and no batch", "none", "it is estimated by taking the own update out"); // prettier-ignore
  ensure(numClients !== null || isPlainMean(protocol), FN, `needs numClients where the aggregate is not the plain mean`, protocol.aggregator); // prettier-ignore
  ensure(numClients !== null || localSteps === 1, FN, "needs numClients where localSteps > 1", "none");
  const weighs = weightsIn(spec["clientWeights"], numClients, protocol);
  return {
    name,
    ...model,
    broadcasts: filesIn(spec["broadcasts"], "broadcasts", at),
    learningRate: learningRate as number,
    ...{ numClients, batchSize, localSteps, momentum, momentumKept: kept, ...weighs, protocol, own },
    attacker: attackerIn(spec["attacker"], own.images !== null),
    labels: labelsIn(spec["labels"], model.numClasses, at),
    truth: truthIn(spec["truth"], at),
  };
}

/** What of a spec says which model clients train. */
function modelOf(
  spec: Record<string, unknown>,
): Pick<AuditSpec, "model" | "activation" | "pooling" | "inputShape" | "numClasses" | "normalize"> {
  const { model, inputShape, normalize = null } = spec;
  const { activation = defaultFederation.activation, pooling = defaultFederation.pooling } = spec;
  const isShape = Array.isArray(inputShape) && inputShape.length === 3 && inputShape.every((side) => Number.isSafeInteger(side) && side >= 1 && side <= 65_536); // prettier-ignore
  ensure(isShape, FN, "needs an inputShape [C, H, W]", inputShape, "channels first, as in PyTorch");
  const numClasses = countOf(spec, "numClasses", undefined, 2);
  ensureKnown(FN, "activation to be one", activation, activationNames);
  ensureKnown(FN, "pooling to be one", pooling, poolingNames);
  const isList = Array.isArray(model);
  if (!isList) ensureKnown(FN, "model to be a list of layers or one", model, Object.keys(architectures));
  const channels = (inputShape as number[])[0]!;
  if (normalize !== null) {
    ensureNames(FN, "normalize", normalize as object, ["mean", "std"]);
    for (const [name, values] of Object.entries(normalize as object)) checkChannels(`normalize.${name}`, values, channels); // prettier-ignore
    const { mean, std } = normalize as Normalization;
    if (isMissing(mean) || isMissing(std))
      refuse(FN, "needs mean and std in normalize", Object.keys(normalize as object));
    ensure(std.every((one) => one > 0), FN, "needs normalize.std > 0", std); // prettier-ignore
  }
  const found = {
    model: model as ModelSpec,
    activation: activation as ActivationName,
    pooling: pooling as PoolingName,
    inputShape: inputShape as Shape,
    numClasses,
    normalize: normalize as Normalization | null,
  };
  checkLayers(found);
  return found;
}

/** Refuses layers that do not fit one another, or the classes; the statistics of batch normalisations are in the checkpoints. */
function checkLayers({
  model,
  inputShape,
  numClasses,
  normalize,
}: Pick<AuditSpec, "model" | "inputShape" | "numClasses" | "normalize">): void {
  const buffers = stateDictOf(model, inputShape, numClasses).filter(({ kind }) => kind === "buffer");
  const ones = Object.fromEntries(buffers.map(({ name, shape }) => [name, new Array<number>(volume(shape)).fill(1)]));
  const whole = isName(model) ? model : withStatistics(model, ones);
  buildNetwork(whole, inputShape, numClasses, normalize ? { normalize } : {});
}

function checkChannels(name: string, values: unknown, channels: number): void {
  const isList = Array.isArray(values) && values.length === channels && values.every(isNumber);
  ensure(isList, FN, `needs ${channels} numbers in ${name}, one per channel`, values);
}

function momentumIn(given: unknown): { momentum: number; kept: boolean } {
  if (isMissing(given)) return { momentum: 0, kept: false };
  if (typeof given === "object") ensureNames(FN, "momentum", given, ["value", "kept"]);
  const { value, kept = false } = (typeof given === "object" ? given : { value: given }) as Record<string, unknown>;
  ensure(isNumber(value) && value >= 0 && value < 1, FN, "needs momentum in [0, 1)", value);
  ensure(typeof kept === "boolean", FN, "needs momentum.kept true or false", kept);
  return { momentum: value as number, kept: kept as boolean };
}

/** The protocol, with defaults for what is left out; of clients whose number is not known, of as many as it takes. */
function protocolIn(given: unknown, numClients: number | null): Protocol {
  const usual = protocolOf(defaultFederation);
  if (isMissing(given)) return usual;
  ensureNames(FN, "protocol", given, Object.keys(usual));
  const { privacyParameters, ...rest } = given as Partial<Protocol>;
  if (privacyParameters !== undefined) ensureNames(FN, "protocol.privacyParameters", privacyParameters, Object.keys(defaultPrivacy)); // prettier-ignore
  const protocol = { ...usual, ...rest, privacyParameters: { ...usual.privacyParameters, ...privacyParameters } };
  const most = 2 * protocol.assumedMalicious + protocol.maliciouslyCuriousClient + 2;
  checkProtocol(FN, protocol, numClients === null ? most : Math.max(numClients, 2));
  return protocol;
}

/** What clients weigh: given in full, or the own weight of a total. */
function weightsIn(
  given: unknown,
  numClients: number | null,
  protocol: Protocol,
): Pick<AuditSpec, "clientWeights" | "peersWeighAlike"> {
  if (isMissing(given)) return { clientWeights: null, peersWeighAlike: false };
  if (numClients === null) return refuse(FN, "needs numClients where there are clientWeights", "none");
  ensure(isPlainMean(protocol), FN, "needs the plain mean for clientWeights", protocol.aggregator, "other rules and clips know no weights"); // prettier-ignore
  if (Array.isArray(given)) {
    const isOnePerClient = given.length === numClients && given.every((w) => isNumber(w) && w > 0);
    ensure(isOnePerClient, FN, `needs clientWeights of ${numClients} numbers > 0, one per client`, given);
    return { clientWeights: given as number[], peersWeighAlike: false };
  }
  ensureNames(FN, "clientWeights", given, ["own", "total"]);
  const { own, total } = given as Record<string, unknown>;
  ensure(isNumber(own) && own > 0, FN, "needs clientWeights.own > 0", own);
  ensure(isNumber(total) && total > (own as number), FN, "needs clientWeights.total above clientWeights.own", total, "without the total the own share cannot be taken out: leave own.update out"); // prettier-ignore
  ensure(numClients >= 2, FN, "needs at least two clients for clientWeights", numClients);
  const other = ((total as number) - (own as number)) / (numClients - 1);
  const clientWeights = new Array<number>(numClients).fill(other);
  clientWeights[protocol.maliciouslyCuriousClient] = own as number;
  return { clientWeights, peersWeighAlike: true };
}

type At = (path: unknown, field: string) => string;

/** What the client has kept of its own. */
function ownIn(given: unknown, at: At): OwnSpec {
  const nothing: OwnSpec = { images: null, labels: null, update: null, batch: null };
  if (isMissing(given)) return nothing;
  ensureNames(FN, "own", given, Object.keys(nothing));
  const { images, labels, update, batch } = given as Record<string, unknown>;
  ensure(isMissing(images) === isMissing(labels), FN, "needs own.images and own.labels together", isMissing(images) ? "own.labels alone" : "own.images alone"); // prettier-ignore
  return {
    images: isMissing(images) ? null : at(images, "own.images"),
    labels: isMissing(labels) ? null : at(labels, "own.labels"),
    update: isMissing(update) ? null : updateIn(update, at),
    batch: isMissing(batch) ? null : batchIn(batch, at, !isMissing(images)),
  };
}

function updateIn(given: unknown, at: At): OwnSpec["update"] {
  if (typeof given === "string" || Array.isArray(given))
    return { file: filesIn(given, "own.update", at), kind: "gradient" };
  ensureNames(FN, "own.update", given as object, ["file", "kind"]);
  const { file, kind = "gradient" } = given as Record<string, unknown>;
  ensureKnown(FN, "own.update.kind to be one", kind, ["weights", "gradient"]);
  return { file: filesIn(file, "own.update.file", at), kind: kind as "weights" | "gradient" };
}

function batchIn(given: unknown, at: At, hasImages: boolean): OwnSpec["batch"] {
  if (typeof given === "string" || Array.isArray(given)) {
    ensure(hasImages, FN, "needs labels of own.batch", "none", 'give own.images to look them up in, or "batch": { "images": …, "labels": … }'); // prettier-ignore
    return { images: filesIn(given, "own.batch", at), labels: null };
  }
  ensureNames(FN, "own.batch", given as object, ["images", "labels"]);
  const { images, labels } = given as Record<string, unknown>;
  return { images: filesIn(images, "own.batch.images", at), labels: filesIn(labels, "own.batch.labels", at) };
}

/** Options of an attacker that invert reads, beyond those of the presets. */
const moreOptions = ["objective", "unroll"];

/** How the attacker inverts: a name, or what differs from the strongest. */
function attackerIn(given: unknown, hasOwn: boolean): AttackerSpec {
  const names = Object.keys(attackers) as AttackerName[];
  const others = (prior: PriorName): PriorName[] =>
    (hasOwn ? (["autoencoder", "gaussian"] as const) : []).filter((one) => one !== prior);
  const preset = (name: unknown): AttackerOptions => {
    ensureKnown(FN, "attacker to be options or one", name, names);
    return attackers[name as AttackerName];
  };
  const needsOwn = (prior: PriorName): void =>
    ensure(hasOwn || prior === "pixel" || prior === "bicubic", FN, `needs own.images for the ${prior} prior`, "none", 'say "strongest", whose pixels need none'); // prettier-ignore
  if (isMissing(given) || typeof given === "string") {
    const options = preset(given ?? "strongest");
    needsOwn(options.prior);
    return { options, priors: given === "paper" ? [] : others(options.prior) };
  }
  const known = ["preset", "priors", ...Object.keys({ ...attackers.paper, ...attackers.strongest }), ...moreOptions];
  ensureNames(FN, "attacker", given, [...known, "seed"]);
  const { preset: name = "strongest", priors: more, ...changes } = given as Record<string, unknown>;
  if (changes["prior"] !== undefined)
    ensureKnown(FN, "attacker.prior to be one", changes["prior"], Object.keys(priors));
  for (const count of ["steps", "restarts", "restartSteps", "autoencoderSteps", "selectionSteps"])
    if (changes[count] !== undefined) ensureCount(FN, `attacker.${count}`, changes[count] as number);
  if (changes["seed"] !== undefined) ensureCount(FN, "attacker.seed", changes["seed"] as number, Number.MIN_SAFE_INTEGER); // prettier-ignore
  if (changes["labels"] !== undefined) refuse(FN, "needs labels beside attacker, not in it", changes["labels"], 'say "labels": [...] in the spec'); // prettier-ignore
  const options = { ...preset(name), ...changes };
  needsOwn(options.prior);
  if (isMissing(more)) return { options, priors: others(options.prior) };
  ensure(Array.isArray(more), FN, "needs a list of attacker.priors", more);
  for (const prior of more as unknown[]) {
    ensureKnown(FN, "attacker.priors to be some", prior, Object.keys(priors));
    needsOwn(prior as PriorName);
  }
  return { options, priors: (more as PriorName[]).filter((prior) => prior !== options.prior) };
}

/** The labels that are granted: a list, or a file per round. */
function labelsIn(given: unknown, numClasses: number, at: At): AuditSpec["labels"] {
  if (isMissing(given)) return null;
  if (typeof given === "string") return [at(given, "labels")];
  ensure(Array.isArray(given) && given.length > 0, FN, "needs labels to be a list or a file", given);
  const list = given as unknown[];
  if (list.every((one) => typeof one === "string")) return list.map((one) => at(one, "labels"));
  const perRound = (list.some(Array.isArray) ? list : [list]) as number[][];
  for (const labels of perRound) ensureLabels(FN, "labels", labels, (labels as number[] | undefined)?.length ?? 0, numClasses); // prettier-ignore
  return perRound;
}

function truthIn(given: unknown, at: At): AuditSpec["truth"] {
  if (isMissing(given)) return null;
  ensureNames(FN, "truth", given, ["images", "labels"]);
  const { images, labels } = given as Record<string, unknown>;
  return { images: filesIn(images, "truth.images", at), labels: filesIn(labels, "truth.labels", at) };
}

function filesIn(given: unknown, field: string, at: At): string[] {
  if (!Array.isArray(given)) return [at(given, field)];
  ensure(given.length > 0, FN, `needs at least one file in ${field}`, "none");
  return given.map((path) => at(path, field));
}

function pathOf(path: unknown, field: string, folder: string): string {
  ensure(typeof path === "string" && path !== "", FN, `needs a file's path in ${field}`, path);
  return isAbsolute(path as string) ? (path as string) : join(folder, path as string);
}

function countOf(spec: Record<string, unknown>, name: string, usual?: number, min = 1): number {
  const value = spec[name] ?? usual;
  ensureCount(FN, name, value as number, min);
  return value as number;
}

function isMissing(value: unknown): value is null | undefined {
  return value === undefined || value === null;
}

function isNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}
