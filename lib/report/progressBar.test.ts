import assert from "node:assert/strict";
import test from "node:test";
import type { Bundle } from "./display";
import { progressBar, progressMime, type ProgressState } from "./progressBar";

/** A bar with a clock to set and a list of what it drew. */
function watched(label: string) {
  const clock = { ms: 0 };
  const shown: { bundle: Bundle; isFirst: boolean; isLast: boolean }[] = [];
  const bar = progressBar(label, {
    now: () => clock.ms,
    show: (bundle, isFirst, isLast) => void shown.push({ bundle, isFirst, isLast }),
  });
  const states = (): ProgressState[] => shown.map(({ bundle }) => bundle[progressMime] as ProgressState);
  return { bar, clock, shown, states };
}

test("progressBar: draws at most four times a second", () => {
  const { bar, clock, shown } = watched("training");
  for (let step = 1; step <= 1000; step++) {
    clock.ms = step * 10; // 10 s in all
    bar.update(step, 1001);
  }
  assert.equal(shown.length, 40); // at 10, 260, 510, ... 9760 ms
});

test("progressBar: draws the end whenever it comes", () => {
  const { bar, clock, states } = watched("training");
  bar.update(1, 2);
  clock.ms = 1;
  bar.update(2, 2);
  assert.deepEqual(states().map(({ done }) => done), [1, 2]); // prettier-ignore
});

test("progressBar: estimates the time left from the pace so far", () => {
  const { bar, clock, states, shown } = watched("training");
  bar.update(0, 40);
  clock.ms = 30_000;
  bar.update(10, 40, "seed 2");
  // 10 of 40 in 30 s: 30 more take 90 s
  assert.deepEqual(states(), [
    { label: "training", done: 0, total: 40, seconds: 0, etaSeconds: null },
    { label: "training", done: 10, total: 40, seconds: 30, etaSeconds: 90 },
  ]);
  assert.equal(shown[1]!.bundle["text/plain"], "training: 10 of 40, 30 s, about 1 min 30 s left, seed 2");
  assert.match(String(shown[1]!.bundle["text/html"]), /<progress value="10" max="40"/);
});

test("progressBar: done leaves one line with the time it took", () => {
  const { bar, clock, shown, states } = watched("a < b");
  bar.update(1, 3);
  clock.ms = 7_500_000; // 2 h 5 min
  bar.done();
  assert.deepEqual(shown.map(({ isFirst, isLast }) => [isFirst, isLast]), [[true, false], [false, true]]); // prettier-ignore
  assert.equal(shown[1]!.bundle["text/plain"], "a < b: 2 h 05 min");
  assert.ok(String(shown[1]!.bundle["text/html"]).includes(">a &lt; b: 2 h 05 min<"));
  assert.deepEqual([states()[1]!.done, states()[1]!.total, states()[1]!.etaSeconds], [3, 3, 0]);
});

test("progressBar: its functions work when they are handed around alone", () => {
  const { bar, states } = watched("training");
  const { update } = bar;
  [1, 2].forEach((step) => update(step, 2));
  assert.equal(states().length, 2);
});

test("progressBar: writes nothing outside a notebook and a terminal", (t) => {
  const out = t.mock.method(process.stdout, "write", () => true);
  const err = t.mock.method(process.stderr, "write", () => true);
  const isTty = Object.getOwnPropertyDescriptor(process.stderr, "isTTY");
  Object.defineProperty(process.stderr, "isTTY", { value: false, configurable: true });
  const bar = progressBar("training");
  bar.update(1, 1);
  bar.done();
  const calls = [out, err].flatMap((method) => method.mock.calls.map((call) => String(call.arguments[0])));
  [out, err].forEach((method) => method.mock.restore());
  if (isTty) Object.defineProperty(process.stderr, "isTTY", isTty);
  else delete (process.stderr as { isTTY?: boolean }).isTTY;
  assert.deepEqual(calls.filter((text) => text.includes("training:")), []); // prettier-ignore
});
