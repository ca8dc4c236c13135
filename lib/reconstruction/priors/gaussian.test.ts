import assert from "node:assert/strict";
import { before, test } from "node:test";
import { backendReady, dispose, tidy } from "../../core/backend";
import { createRng } from "../../core/rng";
import type { Batch } from "../../core/types";
import { stackImages, unstackImages } from "../../model/stack";
import { classGuesses } from "../guess";
import { gaussian } from "./gaussian";

before(backendReady);

const pixels = 4; // [1, 2, 2]

/** Images of two classes around (c, 0, 0, 0), of standard deviations 0.4, 0.2, 0.1 and a pixel that never changes. */
function draw(size: number, seed: string): Batch {
  const rng = createRng(seed);
  const labels = Int32Array.from({ length: size }, (_, i) => i % 2);
  const scales = [0.4, 0.2, 0.1, 0];
  const images = Float32Array.from({ length: size * pixels }, (_, i) => {
    const p = i % pixels;
    return scales[p]! * rng.normal() + (p === 0 ? labels[Math.floor(i / pixels)]! : 0);
  });
  return { images, labels, size };
}

/** What the prior makes of codes, one image per replica, all of class 1. */
function decode(own: Batch, codes: readonly Float32Array[]): Float32Array[] {
  const labels = codes.map(() => Int32Array.of(1));
  const decoder = gaussian.createDecoder({ inputShape: [1, 2, 2], numClasses: 2, views: codes.map(() => 0), labels, own }); // prettier-ignore
  const output = tidy(() => decoder.decode(stackImages(codes, decoder.codeShape)).images);
  const images = unstackImages(output, codes.length);
  dispose([output, decoder.tensors]);
  return images;
}

const unit = (at: number): Float32Array => Float32Array.from({ length: pixels }, (_, p) => Number(p === at));

test("gaussian: is the guess at z = 0, and has the spread of the own images around it", () => {
  const own = draw(4000, "own");
  const [guess, ...moved] = decode(own, [new Float32Array(pixels), ...Array.from({ length: pixels }, (_, p) => unit(p))]); // prettier-ignore
  classGuesses(own, 2)[1]!.forEach((x, p) => assert.ok(Math.abs(guess![p]! - x) < 1e-6));
  const root = moved.map((row) => row.map((x, p) => x - guess![p]!));
  for (let a = 0; a < pixels; a++)
    for (let b = 0; b < pixels; b++) {
      const covariance = root[a]!.reduce((sum, x, p) => sum + x * root[b]![p]!, 0);
      const expected = a === b ? [0.16, 0.04, 0.01, 0][a]! : 0;
      assert.ok(Math.abs(covariance - expected) < 0.012, `${a}, ${b}: ${covariance}`);
    }
});

test("gaussian: with few images every direction keeps some spread, with one the same in all", () => {
  const spreads = (own: Batch): number[] => {
    const [guess, ...moved] = decode(own, [new Float32Array(pixels), ...Array.from({ length: pixels }, (_, p) => unit(p))]); // prettier-ignore
    return moved.map((row) => Math.hypot(...row.map((x, p) => x - guess![p]!)));
  };
  assert.ok(spreads(draw(6, "few")).every((spread) => spread > 0.01));
  const alone = spreads(draw(1, "one"));
  assert.ok(
    alone.every((spread) => Math.abs(spread - Math.sqrt(1 / 24 + 1e-6)) < 1e-4),
    String(alone),
  ); // half of 1/12
});
