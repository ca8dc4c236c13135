import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import test, { after } from "node:test";
import { spawnSync } from "node:child_process";
import { paths } from "../core/paths";
import { closeBrowser, drawSvg } from "./browser";
import { lineFigure, showFigure, stampFigure } from "./figure";
import { imageGrid } from "./imageGrid";

const skip = existsSync(join(paths.setup, "browser.json")) ? false : "setup has left no browser";
const stamp = { dataset: "mnist", datasetSource: "folder", backend: "wasm", profile: "quick", seeds: [1] } as const;

const x = [0, 1, 2];
const lines = lineFigure({
  title: "Two lines κ",
  panels: [
    { title: "A", x: "round", y: "rmse", series: [{ setting: "probe", x, mean: [0.2, 0.3, 0.3], low: [0.1, 0.2, 0.2], high: [0.3, 0.4, 0.4] }, { setting: "floor", x, mean: [0.4, 0.4, 0.4] }] }, // prettier-ignore
    { title: "B", x: "round", y: "accuracy", series: [{ setting: "passive", x, mean: [0.1, 0.5, 0.8] }] },
  ],
});
const images = imageGrid({
  title: "Four images",
  shape: [1, 2, 2],
  columns: ["private", "round 0"],
  rows: [
    { label: "client 1", images: [Float32Array.of(0, 1, 0.5, 0), Float32Array.of(0, 0.9, 0.5, 0)], captions: ["", "RMSE 0.05"] }, // prettier-ignore
  ],
});
const figures = { "02_lines": stampFigure(lines, stamp), "02_images": stampFigure(images, stamp) };

after(closeBrowser);

test(
  "drawSvg: the same figure gives the same bytes, first or later on a page, in this browser or another",
  { skip },
  async () => {
    const draw = (name: keyof typeof figures) => drawSvg(figures[name], name);
    const first = [await draw("02_lines"), await draw("02_images")];
    const together = await Promise.all([draw("02_lines"), draw("02_images")]);
    await closeBrowser();
    const another = [await draw("02_images"), await draw("02_lines")].reverse();
    assert.deepEqual(together, first);
    assert.deepEqual(another, first);
  },
);

test("drawSvg: ids differ between figures and do not repeat inside one", { skip }, async () => {
  const ids = (svg: string) => [...svg.matchAll(/ id="([^"]+)"/g)].map((match) => match[1]!);
  const lists = await Promise.all(["a", "b"].map(async (name) => ids((await drawSvg(figures["02_lines"], name))!)));
  assert.ok(lists[0]!.length > 0);
  assert.equal(new Set(lists.flat()).size, lists.flat().length);
});

test(
  "drawSvg: draws what the figure says, on white, no text below 12 px, every width written down",
  { skip },
  async () => {
    const svg = (await drawSvg(figures["02_lines"], "02_lines"))!;
    assert.match(svg, /^<svg [^>]*height="\d+"[^>]*viewBox="0 0 900 \d+"[^>]*width="900"/);
    for (const text of [
      "Two lines κ",
      "RMSE (pixels in [0, 1])",
      "round k",
      "fixed probe",
      "mnist · wasm · quick (indicative) · seed 1",
    ])
      // prettier-ignore
      assert.ok(svg.includes(`>${text}<`), text);
    assert.match(svg, /<rect [^>]*fill: rgb\(255, 255, 255\)/);
    const sizes = [...svg.matchAll(/<text [^>]*font-size: ([\d.]+)px/g)].map((match) => Number(match[1]));
    assert.ok(sizes.length > 10 && Math.min(...sizes) >= 12);
    const widths = [...svg.matchAll(/textLength="([\d.]+)"/g)].map((match) => Number(match[1]));
    assert.ok(widths.length > 10 && widths.every((width) => width > 0));
  },
);

test("drawSvg: keeps the pixels of images", { skip }, async () => {
  const svg = (await drawSvg(figures["02_images"], "02_images"))!;
  const source = (images.layout["images"] as { source: string }[])[0]!.source;
  assert.ok(svg.includes(source));
});

test("drawSvg: plotly's errors are not taken for a missing browser", { skip }, async () => {
  const broken = { data: [], layout: { width: -1, height: 300 } };
  await assert.rejects(drawSvg(broken, "broken"), /Height and width should be pixel values/);
  assert.match((await drawSvg(figures["02_lines"], "02_lines"))!, /^<svg/); // and the next figure is drawn
});

test(
  "showFigure: sends one bundle to the notebook and writes its SVG, the same bytes each time",
  { skip },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "curious-figures-"));
    const file = join("/somewhere", "tslab", "dist", "jupyter.js");
    const sent: Record<string, unknown>[] = [];
    const lastWriteDisplayData = ({ data }: { data: Record<string, unknown> }) => void sent.push(data);
    require.cache[file] = { exports: { lastWriteDisplayData } } as unknown as NodeModule;
    process.env["CURIOUS_FIGURES"] = folder;
    try {
      await showFigure("02_lines", lines, stamp);
      const bytes = readFileSync(join(folder, "02_lines.quick.svg"), "utf8");
      await showFigure("02_images", images, stamp);
      await showFigure("02_lines", lines, stamp);
      assert.equal(readFileSync(join(folder, "02_lines.quick.svg"), "utf8"), bytes);
      assert.deepEqual(readdirSync(folder), ["02_images.quick.svg", "02_lines.quick.svg"]);
      assert.deepEqual(Object.keys(sent[0]!), ["application/vnd.plotly.v1+json", "image/svg+xml", "text/plain"]);
      assert.equal(sent[0]!["image/svg+xml"], bytes);
      const { data, layout } = sent[0]!["application/vnd.plotly.v1+json"] as typeof lines;
      assert.deepEqual({ data, layout }, figures["02_lines"]);
      assert.equal(
        String(sent[0]!["text/plain"]),
        `[figure 02_lines: Two lines κ]\nmnist · wasm · quick (indicative) · seed 1\n${basename(folder)}/02_lines.quick.svg`,
      );
      await assert.rejects(
        showFigure("lines", lines, stamp),
        /showFigure: needs a name such as "02_passive_listener", got lines/,
      );
    } finally {
      delete process.env["CURIOUS_FIGURES"];
      delete require.cache[file];
      rmSync(folder, { recursive: true });
    }
  },
);

/** Runs a script in a process of its own whose project root is an empty folder. */
function inEmptyProject(
  script: string,
  browserRecord?: string,
): { stdout: string; stderr: string; status: number | null } {
  const folder = mkdtempSync(join(tmpdir(), "curious-browser-"));
  try {
    if (browserRecord !== undefined) writeFileSync(join(folder, "browser.json"), browserRecord);
    const setup = `require(${JSON.stringify(join(__dirname, "../core/paths.js"))}).paths.setup = ${JSON.stringify(folder)};`;
    const load = `const { drawSvg } = require(${JSON.stringify(join(__dirname, "browser.js"))});`;
    const source = `${setup} ${load} (async () => { ${script} })();`;
    const { stdout, stderr, status } = spawnSync(process.execPath, ["-e", source], {
      encoding: "utf8",
      timeout: 60_000,
    });
    return { stdout, stderr, status };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
const figureText = JSON.stringify(figures["02_lines"]);

test("drawSvg: without a browser says so once and gives nothing", () => {
  const script = `for (const name of ["a", "b"]) console.log(await drawSvg(${figureText}, name));`;
  const records = [undefined, JSON.stringify({ executablePath: "/no/such/browser" })];
  for (const record of records) {
    const { stdout, stderr, status } = inEmptyProject(script, record);
    assert.equal(stdout, "undefined\nundefined\n");
    assert.equal(stderr.match(/figures: no browser, so no SVG files/g)?.length, 1, stderr);
    assert.equal(status, 0);
  }
});

test("drawSvg: a process ends by itself soon after its last figure", { skip }, () => {
  const record = readFileSync(join(paths.setup, "browser.json"), "utf8");
  const { stdout, status } = inEmptyProject(`console.log((await drawSvg(${figureText}, "a")).slice(0, 4));`, record);
  assert.equal(stdout, "<svg\n");
  assert.equal(status, 0);
});
