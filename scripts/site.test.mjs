/** @file The companion as a reader meets it: opened from the disk, without a network. */
import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { pathToFileURL } from "node:url";
import { noBrowser, openPage, tools } from "./browser.mjs";
import { listNotebooks } from "./notebooks.mjs";
import { resultsOf } from "./results.mjs";
import { buildSite } from "./site.mjs";
import { at } from "./steps/common.mjs";

const smoke = resultsOf("smoke"); // npm test has just made them
const missing = existsSync(smoke.notebooks) ? false : "no executed notebooks: npm test makes them";

test(
  "site: formulas, figures and search work offline, and nothing is asked of elsewhere",
  { skip: noBrowser || missing },
  async (t) => {
    const site = at("build", "smoke", "site");
    const names = listNotebooks().filter((name) => existsSync(join(smoke.notebooks, `${name}.ipynb`)));
    await buildSite(tools.jupyter, { overlays: [{ ...smoke, names }], book: at("build", "smoke", "book"), site });
    const pages = ["index.html", ...readdirSync(join(site, "notebooks")).map((file) => `notebooks/${file}`)];
    assert.ok(pages.length > 1, "no page of a notebook");

    const page = await openPage(t);
    await page.setOfflineMode(true);
    const asked = [];
    const errors = [];
    page.on("request", (request) => asked.push(request.url()));
    page.on("requestfailed", (request) => errors.push(`could not load ${request.url()}`));
    page.on("pageerror", (error) => errors.push(error.message));
    for (const file of pages) {
      assert.doesNotMatch(
        readFileSync(join(site, file), "utf8"),
        /<(script|link|img)[^>]*(src|href)="(https?:)?\/\//,
        file,
      );
      await page.goto(pathToFileURL(join(site, file)).href);
      await page.waitForFunction(() =>
        [...document.querySelectorAll(".math")].every((formula) => formula.querySelector("mjx-container svg")),
      );
      const wrong = await page.$$eval("mjx-merror", (formulas) => formulas.map((formula) => formula.title));
      assert.deepEqual(wrong, [], `${file}: formulas that MathJax cannot read`);
      for (const figure of await page.$$(".plotly-figure")) {
        await figure.scrollIntoView();
        await figure.waitForSelector(".js-plotly-plot .main-svg");
      }
    }
    const search = pathToFileURL(join(site, "search.html"));
    search.search = "?q=client";
    await page.goto(search.href);
    await page.waitForSelector("#search-results li a");
    assert.deepEqual(
      asked.filter((url) => !/^(file|data|blob):/.test(url)),
      [],
    );
    assert.deepEqual(errors, []);
  },
);
