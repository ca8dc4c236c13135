import assert from "node:assert/strict";
import test from "node:test";
import { backendReady } from "../core/backend";
import { currentProfile } from "../core/profile";
import { stampOf, stampText, type Stamp } from "./stamp";

const stamp: Stamp = {
  dataset: "fashion-mnist",
  datasetSource: "folder",
  backend: "tensorflow 2.18",
  profile: "quick",
  seeds: [1, 2, 3],
};

test("stampText: dataset, backend, profile and seeds in one line", () => {
  assert.equal(stampText(stamp), "fashion-mnist · tensorflow 2.18 · quick (indicative) · seeds 1–3");
});

test("stampText: warns of the embedded dataset and of smoke runs", () => {
  assert.match(stampText({ ...stamp, datasetOfficial: false }), /, not the official files · /);
  const text = stampText({ ...stamp, dataset: "strokes", datasetSource: "embedded", profile: "smoke", seeds: [7] });
  assert.equal(
    text,
    "strokes (embedded drawings, no real data) · tensorflow 2.18 · smoke (tests the wiring only) · seed 7",
  );
});

test("stampText: spells out few gaps between seeds and counts many", () => {
  const seeds = (list: number[]): string => stampText({ ...stamp, seeds: list }).split(" · ")[3]!;
  assert.equal(seeds([3, 1, 2, 7, 9, 10, 3]), "seeds 1–3, 7, 9–10");
  assert.equal(seeds([2, 4, 6, 8, 10, 12, 14]), "7 seeds from 2 to 14");
});

test("stampOf: takes dataset and seeds as given, backend and profile from this process", async () => {
  assert.deepEqual(await stampOf({ name: "mnist", source: "download" }, [4]), {
    dataset: "mnist",
    datasetSource: "download",
    backend: await backendReady(),
    profile: currentProfile(),
    seeds: [4],
  });
});
