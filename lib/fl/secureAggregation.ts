/** @file Secure aggregation: pairwise masks over a fixed-point ring that cancel exactly in the sum. */
import { createCipheriv } from "node:crypto";
import { ensure, refuse } from "../core/errors";
import type { Rng } from "../core/rng";

/** What the server receives from one client: elements of the ring, integers 0..2^48 - 1, length d. */
export type MaskedUpdate = Float64Array;

/** The ring is the integers modulo 2^48: two elements add exactly in a float64. */
const RING = 2 ** 48;
/** A real x stands in it as round(x 2^32), negative ones in the upper half. */
const SCALE = 2 ** 32;

/**
 * Masks every client's update for the server.
 *
 *     masked[i] = round(2^32 updates[i]) + sum_{j > i} mask(i, j) - sum_{j < i} mask(j, i)   mod 2^48
 *     mask(i, j) = AES-128-CTR keystream under the key of the pair, 48 bits a coordinate
 *
 * Each mask is added once and subtracted once, so the sum over all clients is the sum of the updates, to the bit. The
 * server sees M vectors of which any M - 1 are uniform and independent; all it can learn is their sum. The mean it then
 * broadcasts is the same as without masks, which is all that a curious client needs.
 *
 * It is the client that encodes its update, and who follows the protocol checks the range first. Nobody can check it afterwards: of a
 * client that does not, the server gets the element that its numbers come to modulo 2^48, and the sum is off by a multiple of 2^16.
 *
 * @param updates [M][d], M >= 2; each coordinate in (-2^15 / M, 2^15 / M), rounded to a multiple of 2^-32
 * @param rng the round's stream, e.g. rng.split("secureAggregation", round): the same stream gives the same masks, and
 *   masks used in two rounds would show the server the difference of a client's updates
 * @param careless clients that do not check their range, as a malicious one need not: any finite number, default none
 * @returns [M][d], owned by the caller; costs M (M - 1) / 2 masks of length d
 * @throws InputError when M < 2 (nothing hides a lone client), lengths differ, a coordinate is not in range, or not even finite,
 *   naming client and coordinate
 * @example
 * const masked = maskUpdates([Float32Array.of(1, 2), Float32Array.of(3, 5)], createRng(1).split("secureAggregation", 0));
 * aggregateMasked(masked); // Float32Array [2, 3.5]
 * @source Bonawitz et al. 2017, Practical Secure Aggregation for Privacy-Preserving Machine Learning, §4.0.1. Simplified: the
 *   keys of pairs come from the experiment's seed instead of a key agreement; whoever drops out is known before anybody masks, which
 *   gives the sum that recovering its masks would, so there are no second masks and no secret sharing
 */
export function maskUpdates(
  updates: readonly Float32Array[],
  rng: Rng,
  careless: readonly number[] = [],
): MaskedUpdate[] {
  const masked = updates.map((_, client) => toRing(updates, client, careless.includes(client)));
  const mask = new Uint16Array(3 * (updates[0]?.length ?? 0));
  const zeros = new Uint8Array(mask.byteLength);
  for (let i = 0; i < updates.length; i++) {
    for (let j = i + 1; j < updates.length; j++) {
      expand(rng.split("pair", i, j), zeros, mask);
      addAndSubtract(masked[i]!, masked[j]!, mask);
    }
  }
  return masked;
}

/**
 * A client's update as ring elements, before any mask.
 *
 *     round(2^32 updates[client])   mod 2^48
 *
 * @param updates [M][d]
 * @param client 0..M-1
 * @param isCareless does not check the range, see maskUpdates; default false
 * @returns [d], owned by the caller
 * @throws InputError as maskUpdates
 * @example
 * toRing([Float32Array.of(1), Float32Array.of(-1)], 0); // [2 ** 32]
 * toRing([Float32Array.of(1), Float32Array.of(-1)], 1); // [2 ** 48 - 2 ** 32]
 */
export function toRing(updates: readonly Float32Array[], client: number, isCareless = false): Float64Array {
  const fn = "maskUpdates";
  const numClients = updates.length;
  ensure(numClients >= 2, fn, "needs at least 2 updates, as nothing hides a lone client", numClients);
  const update = updates[client]!;
  const length = updates[0]!.length;
  ensure(
    update.length === length,
    fn,
    `needs updates of one length, ${length}`,
    `${update.length} of client ${client}`,
  );
  const limit = isCareless ? Infinity : largest(numClients);
  const elements = new Float64Array(length);
  for (let k = 0; k < length; k++) {
    const value = update[k]!;
    if (!(Math.abs(value) < limit)) {
      const requirement = isCareless
        ? "needs finite numbers"
        : `needs every coordinate in (-2^15 / M, 2^15 / M) = ±${limit.toPrecision(6)}`;
      refuse(fn, requirement, `${value} at coordinate ${k} of client ${client}`, "a smaller learning rate or clipping");
    }
    elements[k] = modulo(Math.round(value * SCALE));
  }
  return elements;
}

/**
 * Whether a client that follows the protocol can send this update.
 *
 * @param update [d]
 * @param numClients M, all that take part
 * @returns true where every coordinate is in (-2^15 / M, 2^15 / M)
 * @example
 * fitsRing(Float32Array.of(-16383), 2); // true
 * fitsRing(Float32Array.of(NaN), 2); // false
 */
export function fitsRing(update: Float32Array, numClients: number): boolean {
  const limit = largest(numClients);
  return update.every((value) => Math.abs(value) < limit);
}

/** So that the sum of all stays in (-2^15, 2^15) and does not wrap. */
function largest(numClients: number): number {
  return 2 ** 15 / numClients;
}

/**
 * The sum of ring elements, which is all that the server can make of masked updates.
 *
 *     sum[k] = sum_i masked[i][k]   mod 2^48
 *
 * @param masked [M][d]
 * @returns [d], owned by the caller; with a client's vector missing, uniform numbers
 * @throws InputError when there is none, or lengths differ
 * @example
 * sumMasked(masked); // sumMasked(updates.map((_, client) => toRing(updates, client)))
 */
export function sumMasked(masked: readonly MaskedUpdate[]): Float64Array {
  const length = masked[0]?.length ?? 0;
  ensure(masked.length > 0, "sumMasked", "needs at least one masked update", 0);
  const sum = new Float64Array(length);
  for (const [client, elements] of masked.entries()) {
    ensure(
      elements.length === length,
      "sumMasked",
      `needs ${length} elements`,
      `${elements.length} of client ${client}`,
    );
    for (let k = 0; k < length; k++) sum[k] = modulo(sum[k]! + elements[k]!);
  }
  return sum;
}

/**
 * The mean of the clients' updates, decoded by the server.
 *
 *     mean = signed(sumMasked(masked)) / (2^32 M)
 *
 * @param masked [M][d], of every client that maskUpdates was given: there is no recovery from one that is missing
 * @returns [d], owned by the caller; within 2^-33 and the rounding to float32 of the plain mean
 * @throws InputError as sumMasked
 * @example
 * aggregateMasked(maskUpdates(updates, rng)); // mean.aggregate(updates, { f: 0 }).update
 */
export function aggregateMasked(masked: readonly MaskedUpdate[]): Float32Array {
  const divisor = SCALE * masked.length;
  return new Float32Array(sumMasked(masked).map((sum) => (sum < RING / 2 ? sum : sum - RING) / divisor));
}

/** Fills mask with the keystream of a pair, which is zeros enciphered: three 16-bit words for each coordinate. */
function expand(pair: Rng, zeros: Uint8Array, mask: Uint16Array): void {
  const key = Uint32Array.from({ length: 4 }, () => pair.integer(2 ** 32));
  const cipher = createCipheriv("aes-128-ctr", new Uint8Array(key.buffer), new Uint8Array(16));
  new Uint8Array(mask.buffer).set(cipher.update(zeros));
}

function addAndSubtract(plus: Float64Array, minus: Float64Array, mask: Uint16Array): void {
  for (let k = 0; k < plus.length; k++) {
    const element = mask[3 * k]! + mask[3 * k + 1]! * 2 ** 16 + mask[3 * k + 2]! * 2 ** 32;
    plus[k] = modulo(plus[k]! + element);
    minus[k] = modulo(minus[k]! - element);
  }
}

/** The ring element of an integer that a float64 holds; exact, as RING is a power of two, and five times as fast as a branch. */
function modulo(value: number): number {
  return value - RING * Math.floor(value / RING);
}
