import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultPrivacy } from "../defense/privacy/privacy";
import { defaultFederation } from "../fl/config";
import { noiseSeen } from "./noise";
import { protocolOf } from "./protocol";
import type { AttackerView } from "./view";

const config = { ...defaultFederation, numClients: 5, privacyParameters: { ...defaultPrivacy, clipNorm: 2, noiseMultiplier: 3 } }; // prettier-ignore
const view = (change: object, more: object): AttackerView =>
  ({ protocol: protocolOf({ ...config, ...change }), numClients: 5, batchSize: 2, localSteps: 4, ownUpdate: new Float32Array(1), ...more }) as AttackerView; // prettier-ignore

test("noiseSeen: is the spread of a mean of independent noises, of those that the attacker does not know", () => {
  const localDp = { privacy: "localDp" };
  assert.equal(noiseSeen(view({}, { numImages: 40 })), 0);
  assert.equal(noiseSeen(view(localDp, { numImages: 40 })), 6 / Math.sqrt(5) / 4);
  assert.equal(noiseSeen(view(localDp, { numImages: 32, ownShare: "out" })), 6 / Math.sqrt(4) / 4);
  assert.equal(noiseSeen(view(localDp, { numImages: 32, ownShare: "known" })), (6 * Math.sqrt(4)) / 5 / 4);
  const dropped = { numImages: 32, ownShare: "known", ownUpdate: Float32Array.of(NaN) };
  assert.equal(noiseSeen(view(localDp, dropped)), 6 / Math.sqrt(4) / 4); // a mean of four
  const median = noiseSeen(view({ ...localDp, aggregator: "median" }, { numImages: 32, ownShare: "known" }));
  assert.ok(median > 1.1 * ((6 * Math.sqrt(4)) / 5 / 4) && median < (6 * Math.sqrt(Math.PI / 2)) / Math.sqrt(5) / 4, `${median}`); // prettier-ignore
  assert.equal(noiseSeen(view({ privacy: "dpSgd" }, { numImages: 40 })), (6 * Math.sqrt(4)) / 2 / Math.sqrt(5) / 4);
});
