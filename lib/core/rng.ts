/** @file Random numbers as a value: streams are split by name, so adding a client never shifts another stream. */
import { createHash } from "node:crypto";
import { xoroshiro128plusFromState } from "pure-rand/generator/xoroshiro128plus";
import { ensureCount, ensure } from "./errors";

/**
 * A stream of random numbers with a key. Drawing advances the stream; splitting depends on the key alone. Keys are paths:
 * split("client", 3) of the stream "1" is "1/client/3".
 */
export interface Rng {
  /** Where the stream comes from: the seed, and the splits that led to it. */
  readonly key: string;
  /** The child stream of that name and those indices, e.g. split("client", 3); the same child however much was drawn. */
  split(name: string, ...indices: readonly number[]): Rng;
  /** Uniform in [0, 1), 53 bits. */
  uniform(): number;
  /** Standard normal. */
  normal(): number;
  /** Uniform integer in 0..n-1. */
  integer(n: number): number;
  /** Gamma with that shape > 0 and scale 1. Draws can underflow to 0 when shape < 0.01: see logGamma. */
  gamma(shape: number): number;
  /** The logarithm of what gamma would have drawn, from the same numbers: finite down to shapes of 1e-300. */
  logGamma(shape: number): number;
  /** n independent uniforms in [0, 1), 24 bits: what a float32 holds without rounding up to 1. */
  uniforms(n: number): Float32Array;
  /** n independent standard normals. */
  normals(n: number): Float32Array;
  /** The integers 0..n-1 in random order. */
  permutation(n: number): Int32Array;
}

/**
 * The root stream of a seed: xoroshiro128+ whose state is the SHA-256 of the stream's key.
 *
 * @param seed any integer, or a name
 * @returns a stream; equal seeds give equal numbers on every machine (normals and gammas up to the last bit of the
 *   engine's Math.log, Math.sin and Math.cos)
 * @example
 * createRng(1).split("client", 3).uniform() === createRng(1).split("client", 3).uniform(); // true
 * @source Blackman and Vigna 2021 (xoroshiro128+); states by hashing keys are our choice
 */
export function createRng(seed: number | string): Rng {
  return stream(String(seed));
}

/** The stream of a key: xoroshiro128+ begun at the key's SHA-256. */
function stream(key: string): Rng {
  const digest = createHash("sha256").update(key).digest();
  const generator = xoroshiro128plusFromState([0, 4, 8, 12].map((at) => digest.readInt32LE(at)));
  let spare: number | undefined; // Box-Muller makes normals in pairs

  function uniform(): number {
    const high = generator.next() >>> 5; // 27 bits
    const low = generator.next() >>> 6; // 26 bits
    return (high * 2 ** 26 + low) / 2 ** 53;
  }
  function normal(): number {
    if (spare !== undefined) {
      const value = spare;
      spare = undefined;
      return value;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
    const angle = 2 * Math.PI * uniform();
    spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }
  function integer(n: number): number {
    ensureCount("rng.integer", "n", n);
    return Math.floor(uniform() * n);
  }
  /** Marsaglia and Tsang 2000; shapes below 1 by boosting: G(a) = G(a + 1) U^(1/a). */
  function gamma(shape: number): number {
    ensure(shape > 0 && Number.isFinite(shape), "rng.gamma", "needs a finite shape > 0", shape);
    if (shape < 1) return gamma(shape + 1) * Math.pow(1 - uniform(), 1 / shape);
    const d = shape - 1 / 3;
    const c = 1 / Math.sqrt(9 * d);
    for (;;) {
      const x = normal();
      const v = (1 + c * x) ** 3;
      if (v > 0 && Math.log(1 - uniform()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
    }
  }
  function logGamma(shape: number): number {
    return shape < 1 ? Math.log(gamma(shape + 1)) + Math.log(1 - uniform()) / shape : Math.log(gamma(shape));
  }
  return {
    key,
    split: (name, ...indices) => stream([key, name, ...indices].join("/")),
    uniform,
    normal,
    integer,
    gamma,
    logGamma,
    uniforms: (n) => Float32Array.from({ length: n }, () => Math.floor(uniform() * 2 ** 24) / 2 ** 24),
    normals: (n) => Float32Array.from({ length: n }, normal),
    permutation(n) {
      const order = new Int32Array(n).map((_, i) => i);
      for (let i = n - 1; i > 0; i--) {
        const j = integer(i + 1);
        [order[i], order[j]] = [order[j]!, order[i]!];
      }
      return order;
    },
  };
}
