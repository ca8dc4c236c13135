import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { printable } from "./printable";

test("printable: spells out what moves, colours, reorders or ends a line, leaves the rest, and ends somewhere", () => {
  assert.equal(
    printable("a\u001b[31mb\nc\r\u0007\u202Ed\u2028\u009Be"),
    "a\\u{1b}[31mb\\u{a}c\\u{d}\\u{7}\\u{202e}d\\u{2028}\\u{9b}e",
  );
  assert.equal(printable("ζ = 3 · 10⁻⁵, “œuf” 🎯"), "ζ = 3 · 10⁻⁵, “œuf” 🎯");
  assert.equal(printable("a".repeat(2001)), `${"a".repeat(2000)}…`);
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) =>
      assert.doesNotMatch(printable(text), /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u),
    ),
  );
});
