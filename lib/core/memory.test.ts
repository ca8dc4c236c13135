import assert from "node:assert/strict";
import test, { afterEach } from "node:test";
import { memoryBudget } from "./memory";

const before = process.env["CURIOUS_MEMORY"];
afterEach(() => {
  if (before === undefined) delete process.env["CURIOUS_MEMORY"];
  else process.env["CURIOUS_MEMORY"] = before;
});

test("memoryBudget: is what CURIOUS_MEMORY says, in decimal and binary units", () => {
  const cases: readonly [asked: string, bytes: number][] = [
    ["4 GiB", 4_294_967_296],
    ["500 MB", 500_000_000],
    ["500MB", 500_000_000],
    ["1.5 MiB", 1_572_864],
    ["64 kB", 64_000],
    ["2 TB", 2e12],
    ["123456", 123_456],
    ["123456 B", 123_456],
  ];
  for (const [asked, bytes] of cases) {
    process.env["CURIOUS_MEMORY"] = asked;
    assert.equal(memoryBudget(), bytes, asked);
  }
});

test("memoryBudget: is half of what is free when nothing is asked for", (t) => {
  t.mock.method(process, "availableMemory", () => 6e9);
  for (const nothing of [undefined, ""]) {
    if (nothing === undefined) delete process.env["CURIOUS_MEMORY"];
    else process.env["CURIOUS_MEMORY"] = nothing;
    assert.equal(memoryBudget(), 3e9);
  }
});

test("memoryBudget: refuses what is no amount", () => {
  for (const silly of ["0", "0 GB", "-1", "much", "4 Gib", "4 GiB free", "GiB", " ", "1e9", "Infinity", "4 toString"]) {
    process.env["CURIOUS_MEMORY"] = silly;
    assert.throws(memoryBudget, {
      name: "InputError",
      message: `memoryBudget: needs CURIOUS_MEMORY such as "4 GiB", "500 MB" or a number of bytes, got ${silly}`,
    });
  }
});
