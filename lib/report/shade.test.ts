import assert from "node:assert/strict";
import test from "node:test";
import { shade } from "./shade";

test("shade: greys have the luminance of their lightness (hand-worked)", () => {
  // L* = 74 and 26: Y = ((L* + 16) / 116)^3 = 0.46703 and 0.04748; sRGB 255 (1.055 Y^(1/2.4) - 0.055) = 181.9 and 61.5
  assert.deepEqual([shade("#808080", 0), shade("#808080", 1)], ["#B6B6B6", "#3E3E3E"]);
  assert.equal(shade("#000001", 0).length, 7);
});

test("shade: keeps the hue: darker is the same colour scaled, lighter is nearer to white", () => {
  assert.match(shade("#D55E00", 1), /^#[0-9A-F]{4}00$/);
  const [r, g, b] = [1, 3, 5].map((at) => parseInt(shade("#004488", 0).slice(at, at + 2), 16));
  assert.ok(r! < g! && g! < b!);
});

test("shade: refuses another form of colour and a strength out of range", () => {
  assert.throws(() => shade("red", 0.5), /^InputError: shade: needs a colour "#rrggbb", got red/);
  for (const wrong of [-0.1, 1.1, NaN]) assert.throws(() => shade("#FF0000", wrong), /needs a strength in 0..1/);
});
