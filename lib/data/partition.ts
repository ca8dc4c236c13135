/** @file Who owns which training images. */
import { types } from "node:util";
import { ensure, ensureCount } from "../core/errors";
import { joined } from "../core/joined";
import { ensureKnown, ensureNames } from "../core/known";
import type { Rng } from "../core/rng";
import type { Partition } from "../core/types";

/** How to divide a training set among clients; flat, so it is a line of a config. */
export type PartitionOptions = {
  /** M. */
  readonly numClients: number;
  /** Images every client must get, e.g. the batch size; default 1. */
  readonly minImages?: number;
} & (
  | { readonly kind: "iid" } // equal shares of the shuffled images
  | { readonly kind: "dirichlet"; readonly alpha: number } // > 0; the smaller, the more one-sided; 0.1 to 1 is usual
  | { readonly kind: "classes"; readonly classesPerClient: number } // every client sees that many classes and no other
);

export type PartitionKind = PartitionOptions["kind"];

/** What each kind is told besides numClients and minImages. */
const parametersOf = { iid: [], dirichlet: ["alpha"], classes: ["classesPerClient"] } as const satisfies Record<PartitionKind, readonly string[]>; // prettier-ignore

/** The kinds there are. */
export const partitionKinds = Object.keys(parametersOf) as readonly PartitionKind[];

const FEWER = "lower numClients or the batch size";

/**
 * Divides the images of a training set among clients. No image has two owners; "iid" and "dirichlet" leave none without one.
 *
 *     iid:        all images, shuffled, cut at round(i n / M)
 *     dirichlet:  for each class c: shares p_c ~ Dir(alpha, ..., alpha) over the M clients;
 *                 the class, shuffled, cut at floor(n_c (p_c1 + ... + p_ci))
 *     classes:    each client in turn takes its classes among those with the fewest owners, ties at random;
 *                 each class, shuffled, is cut evenly among its owners; a class without an owner stays unused
 *
 * @param labels label of every training image
 * @param options kind, its parameter, numClients and minImages
 * @param rng stream to split from; each class is shuffled and each client draws by a stream of its own, so a further
 *   client shifts nobody's draws
 * @returns each client's indices, ascending, and the partition's name
 * @throws InputError when an option is out of range, or a client would get fewer than minImages images
 * @example
 * const options = { kind: "classes", numClients: 2, classesPerClient: 1 } as const;
 * const { clients } = partition(Uint8Array.of(0, 0, 1, 1), options, createRng(1)); // [0, 1] and [2, 3], or the reverse
 * clients.map((images) => images.length); // [2, 2]
 * @source "dirichlet": per class over clients, as in Yurochkin et al. 2019 (arXiv 1905.12022) and in byzfl's dirichlet_niid,
 *   which does not shuffle within a class; Hsu et al. 2019 (arXiv 1909.06335) draw per client over classes instead.
 *   "classes": after McMahan et al. 2017 (arXiv 1602.05629), who deal shards of the sorted labels; here the number of
 *   classes is exact. Not stated in the paper: which partition it uses.
 */
export function partition(labels: Uint8Array, options: PartitionOptions, rng: Rng): Partition {
  const { kind, numClients, minImages = 1 } = options;
  ensureKnown("partition", "a kind", kind, partitionKinds);
  const names = ["kind", "numClients", "minImages", ...parametersOf[kind]];
  ensureNames("partition", `the options of ${kind}`, options, names);
  ensureCount("partition", "numClients", numClients);
  ensureCount("partition", "minImages", minImages);
  const areBytes = types.isUint8Array(labels); // others could be no class, and their images nobody's
  ensure(areBytes, "partition", "needs labels as a Uint8Array", "another kind");
  const least = numClients * minImages;
  const enough = `needs ${numClients} clients x ${minImages} = ${least} images`;
  ensure(labels.length >= least, "partition", enough, labels.length, FEWER);

  const { name, remedy, clients } = divide(labels, options, rng);
  const owned = clients.map((pieces) => joined(Int32Array, pieces).sort());
  const poor = owned.findIndex((images) => images.length < minImages);
  const each = `needs at least ${minImages} images for every client`;
  ensure(poor < 0, "partition", each, `${owned[poor]?.length} for client ${poor} (${name})`, remedy);
  return { name, clients: owned };
}

/** Each client's images, in pieces; and what to do when they are too few. */
type Division = { name: string; remedy: string; clients: Int32Array[][] };

/** Images by client, as the kind of partition says. */
function divide(labels: Uint8Array, options: PartitionOptions, rng: Rng): Division {
  switch (options.kind) {
    case "iid":
      return iid(labels, options.numClients, rng);
    case "dirichlet":
      return dirichlet(labels, options.numClients, options.alpha, rng);
    case "classes":
      return byClasses(labels, options.numClients, options.classesPerClient, rng);
  }
}

function iid(labels: Uint8Array, numClients: number, rng: Rng): Division {
  const order = rng.split("order").permutation(labels.length);
  const clients = Array.from({ length: numClients }, (_, i) => [share(order, i, numClients)]);
  return { name: "iid", remedy: FEWER, clients };
}

/** Of every class, shares that are drawn from a Dirichlet distribution. */
function dirichlet(labels: Uint8Array, numClients: number, alpha: number, rng: Rng): Division {
  const remedy = 'kind "iid" is the limit of a large alpha';
  ensure(alpha > 0 && Number.isFinite(alpha), "partition", "needs a finite alpha > 0", alpha, remedy);
  const clients = Array.from({ length: numClients }, (): Int32Array[] => []);
  for (const [label, images] of shuffledClasses(labels, rng)) {
    const weights = dirichletWeights(alpha, (client) => rng.split("share", label, client), numClients);
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    let [sum, from] = [0, 0];
    for (const [client, weight] of weights.entries()) {
      sum += weight;
      const to = client === numClients - 1 ? images.length : Math.floor((sum / total) * images.length);
      clients[client]!.push(images.subarray(from, to));
      from = to;
    }
  }
  return { name: `dirichlet(${alpha})`, remedy: `raise alpha, take another seed, or ${FEWER}`, clients };
}

/** Gamma(alpha) variables, which divided by their sum are Dir(alpha); relative to the largest where the scale would not do. */
function dirichletWeights(alpha: number, streamOf: (client: number) => Rng, numClients: number): number[] {
  const streams = (): Rng[] => Array.from({ length: numClients }, (_, client) => streamOf(client));
  const weights = streams().map((stream) => stream.gamma(alpha));
  const largest = Math.max(...weights);
  if (largest > 1e-290 && largest < 1e290) return weights; // neither rounded near 0 nor summed to infinity
  const logs = streams().map((stream) => stream.logGamma(alpha));
  const top = Math.max(...logs);
  ensure(Number.isFinite(top), "partition", "needs an alpha whose shares can be computed", alpha, "raise alpha");
  return logs.map((log) => Math.exp(log - top));
}

/** So many classes per client, each class shared equally among those that own it. */
function byClasses(labels: Uint8Array, numClients: number, classesPerClient: number, rng: Rng): Division {
  ensureCount("partition", "classesPerClient", classesPerClient);
  const classes = shuffledClasses(labels, rng);
  const what = `needs classesPerClient <= ${classes.length}, the classes there are`;
  ensure(classesPerClient <= classes.length, "partition", what, classesPerClient);
  const owners = classes.map((): number[] => []);
  for (let client = 0; client < numClients; client++) {
    const order = [...rng.split("classes", client).permutation(classes.length)];
    order.sort((a, b) => owners[a]!.length - owners[b]!.length); // stable: ties stay in random order
    for (const at of order.slice(0, classesPerClient)) owners[at]!.push(client);
  }
  const clients = Array.from({ length: numClients }, (): Int32Array[] => []);
  for (const [at, [, images]] of classes.entries()) {
    for (const [i, client] of owners[at]!.entries()) clients[client]!.push(share(images, i, owners[at]!.length));
  }
  const name = `${classesPerClient} ${classesPerClient === 1 ? "class" : "classes"} per client`;
  return { name, remedy: `raise classesPerClient, or ${FEWER}`, clients };
}

/** The images of every class that occurs, classes ascending, each class shuffled by a stream of its own. */
function shuffledClasses(labels: Uint8Array, rng: Rng): [label: number, images: Int32Array][] {
  const classes: number[][] = []; // sparse: label -> its images
  labels.forEach((label, i) => (classes[label] ??= []).push(i));
  return classes.flatMap((images, label) => {
    const order = rng.split("class", label).permutation(images.length);
    return [[label, order.map((at) => images[at]!)]];
  });
}

/** The i-th of n shares whose sizes differ by at most one. */
function share(images: Int32Array, i: number, n: number): Int32Array {
  return images.subarray(Math.round((i * images.length) / n), Math.round(((i + 1) * images.length) / n));
}
