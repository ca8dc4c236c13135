import assert from "node:assert/strict";
import { join } from "node:path";
import test from "node:test";
import { display, inNotebook } from "./display";

/** Runs with a stand-in for the kernel's module among the loaded ones; returns what it was asked to write. */
function insideKernel(run: () => void, ready = true): unknown[][] {
  const written: unknown[][] = [];
  const file = join("/somewhere", "tslab", "dist", "jupyter.js");
  const lastWriteDisplayData = ready ? (...call: unknown[]) => void written.push(call) : null;
  require.cache[file] = { exports: { lastWriteDisplayData } } as unknown as NodeModule;
  try {
    run();
  } finally {
    delete require.cache[file];
  }
  return written;
}

/** Standard output of run. */
function printed(t: test.TestContext, run: () => void): string {
  const write = t.mock.method(process.stdout, "write", () => true);
  run();
  write.mock.restore();
  return write.mock.calls.map((call) => String(call.arguments[0])).join("");
}

test("display: sends all mime types as one output when a kernel is loaded", () => {
  const bundle = { "text/plain": "a", "text/html": "<b>a</b>" };
  const calls = insideKernel(() => {
    assert.ok(inNotebook());
    display(bundle);
    display(bundle, { displayId: "bar", update: true });
  });
  assert.deepEqual(calls, [
    [{ data: bundle, metadata: {}, transient: {} }, false],
    [{ data: bundle, metadata: {}, transient: { display_id: "bar" } }, true],
  ]);
});

test("display: prints the plain text when there is no kernel, or no cell has run in it yet", (t) => {
  assert.ok(!inNotebook());
  const show = (): void => display({ "text/plain": "a", "text/html": "<b>a</b>" });
  assert.equal(printed(t, show), "a\n");
  assert.equal(printed(t, () => insideKernel(show, false)), "a\n"); // prettier-ignore
});
