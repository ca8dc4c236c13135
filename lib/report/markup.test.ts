import assert from "node:assert/strict";
import test, { after } from "node:test";
import { paths } from "../core/paths";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { closeBrowser, drawSvg, type Figure } from "./browser";
import { lineFigure } from "./figure";
import { forestFigure } from "./forest";
import { heatmapFigure } from "./heatmap";
import { imageGrid } from "./imageGrid";
import { escapeHtml, figureText } from "./markup";
import { progressBar } from "./progressBar";
import { slackFigure } from "./slack";
import { formatTable } from "./table";

after(closeBrowser);
const noBrowser = existsSync(join(paths.setup, "browser.json")) ? false : "no browser is set up";

const hostile = [
  "a < b & c > d",
  "<script>alert(1)</script>",
  `"double" 'single'`,
  "$x$ | `y`",
  "&lt; &amp;",
  '<a href="x">',
];

test("escapeHtml: leaves no letter that HTML reads", () => {
  assert.equal(escapeHtml(`<a href="x" title='y'>&amp;`), "&lt;a href=&quot;x&quot; title=&#39;y&#39;&gt;&amp;amp;");
});

test("figureText: escapes before it marks up", () => {
  assert.equal(figureText("<b>\nA & B $x$", { bold: true }), "<b>&lt;b&gt;<br>A &amp; B &#36;x&#36;</b>");
});

test("formatTable, progressBar: title, header, cell, label and note are text", () => {
  for (const text of hostile) {
    const { html } = formatTable([{ [text]: text }], { title: text });
    assert.equal(html.split(escapeHtml(text)).length, 4);
    let bar = "";
    const show = (bundle: Readonly<Record<string, unknown>>): void => void (bar = bundle["text/html"] as string);
    progressBar(text, { now: () => 0, show }).update(1, 2, text);
    assert.equal(bar.split(escapeHtml(text)).length, 3);
  }
});

const estimate = { mean: -0.02, interval: [-0.03, -0.01], n: 10 } as const;
const figures: Readonly<Record<string, (text: string) => { figure: Figure; times: number }>> = {
  lines: (text) => {
    const series = [text, "other"].map((name) => ({ setting: "krum" as const, name, x: [0, 1], mean: [1, 2] }));
    const [x, y] = [{ label: text }, { label: text }];
    return { figure: lineFigure({ title: text, panels: [{ title: text, x, y, series }] }), times: 5 };
  },
  forest: (text) => {
    const rows = [{ setting: "krum" as const, name: text, estimate }];
    const band = { range: [-0.1, 0] as const, label: text };
    return { figure: forestFigure({ title: text, x: { label: text }, rows, band, ends: [text, text] }), times: 4 };
  },
  heatmap: (text) => {
    const label = { label: text };
    const spec = { title: text, quantity: text, rows: [label], columns: [label], cells: [[estimate]] };
    return { figure: heatmapFigure(spec), times: 2 };
  },
  slack: (text) => ({ figure: slackFigure(text, [{ label: text, ratios: [0.1, 0.2] }]), times: 2 }),
  images: (text) => {
    const images = [new Float32Array(40 * 40)];
    const spec = {
      title: text,
      shape: [1, 40, 40],
      columns: [text],
      rows: [{ label: text, images, captions: [text] }],
    };
    return { figure: imageGrid(spec), times: 1 };
  },
};

for (const [kind, make] of Object.entries(figures)) {
  test(`${kind}: a drawn figure shows the words as they are`, { skip: noBrowser }, async () => {
    for (const text of hostile) {
      const { figure, times } = make(text);
      const svg = (await drawSvg(figure, `00_${kind}`))!;
      assert.doesNotMatch(svg, /<(script|a) /);
      const words = [...svg.matchAll(/<text[^>]*>(.*?)<\/text>/gs)].map((found) => found[1]!.replace(/<[^>]*>/g, ""));
      const shown = words.filter((word) => word.includes(escapeHtml(text).replace(/&quot;|&#39;/g, unquoted)));
      assert.ok(shown.length >= times, `${kind}: ${text} stands ${shown.length} times in\n${words.join("\n")}`);
    }
  });
}

/** A serializer leaves quotes in text as they are. */
function unquoted(entity: string): string {
  return entity === "&quot;" ? '"' : "'";
}
