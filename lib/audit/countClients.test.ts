import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { backendReady } from "../core/backend";
import { countClients } from "./countClients";
import { record, type SmallRecording } from "./federation.fixture";
import { readRecording } from "./recording";
import { checkSpec } from "./spec";
import { viewsOf } from "./views";

let four: SmallRecording;
before(async () => {
  await backendReady();
  four = await record({ numClients: 4 });
});
after(() => four.remove());

test("countClients: the number stands out by far, and its multiples are no runners-up", async () => {
  const spec = checkSpec({ ...four.spec, numClients: null }, four.folder);
  const recording = await readRecording(spec);
  const { numClients, runnerUp, candidates } = await countClients((m) => viewsOf(spec, recording, m)[0]!.view, four.own, null, 1); // prettier-ignore
  assert.equal(numClients, 4);
  assert.notEqual(runnerUp.numClients % 4, 0);
  const best = candidates.find((one) => one.numClients === 4)!;
  assert.ok(runnerUp.matchingLoss > 10 * best.matchingLoss, `${runnerUp.matchingLoss} against ${best.matchingLoss}`);
});

test("countClients: labels that are given say how many there are", async () => {
  const never = () => assert.fail("tried");
  assert.equal((await countClients(never, four.own, Int32Array.of(0, 1, 2, 0), 2)).numClients, 3);
  await assert.rejects(countClients(never, four.own, Int32Array.of(0, 1, 2), 2), /needs labels of whole clients of 2 images/); // prettier-ignore
});
