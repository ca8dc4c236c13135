/** @file JupyterLab as a reader meets it: a real browser opens a notebook, the project's kernel runs it, plotly draws. */
import assert from "node:assert/strict";
import { cpSync, existsSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import test from "node:test";
import { noBrowser, openPage, tools } from "./browser.mjs";
import { startLab } from "./lab.mjs";
import { notebooksFolder } from "./notebooks.mjs";
import { at } from "./steps/common.mjs";

const name = "02_passive_listener";
const missing = existsSync(join(notebooksFolder, `${name}.ipynb`)) ? false : `no notebooks/${name}.ipynb`;

test(
  "lab: opens a notebook, runs it with the project's kernel and draws interactive figures",
  { skip: noBrowser || missing },
  async (t) => {
    const folder = at("build", "lab"); // a copy: JupyterLab saves by itself
    rmSync(folder, { recursive: true, force: true });
    cpSync(notebooksFolder, folder, { recursive: true });
    const port = await freePort();
    const token = "a-test-on-this-machine";
    const server = startLab(
      tools.python,
      ["--no-browser", "--expose-app-in-browser", `--ServerApp.port=${port}`, `--IdentityProvider.token=${token}`],
      { folder, profile: "smoke", stdio: ["ignore", "ignore", "pipe"] },
    );
    const ended = new Promise((resolve) => server.on("close", resolve));
    t.after(async () => {
      server.kill("SIGTERM");
      await ended;
    });
    await ready(server);

    const page = await openPage(t);
    page.on("dialog", (dialog) => void dialog.accept()); // leaves without saving
    const open = async (file) => {
      await page.goto(`http://127.0.0.1:${port}/lab/tree/${file}?reset&token=${token}`);
      await page.waitForSelector(".jp-Notebook .jp-Cell");
      await page.waitForFunction(() =>
        document.querySelector(".jp-KernelName")?.textContent.includes("curious-inside"),
      );
      await page.waitForFunction(
        () => window.jupyterapp.shell.currentWidget?.sessionContext.session?.kernel?.status === "idle",
      );
    };

    await open(`${name}.ts`); // the source opens as the notebook that it is
    await open(`${name}.ipynb`);
    // Outputs that came with the file must not be mistaken for new ones.
    await page.evaluate(async () => {
      const { commands } = window.jupyterapp;
      await commands.execute("notebook:clear-all-cell-outputs");
      await commands.execute("notebook:run-all-cells");
    });
    const { figures, errors } = await page.evaluate(() => {
      const { cells } = window.jupyterapp.shell.currentWidget.content.model;
      const outputs = (cell) => [...Array(cell.outputs?.length ?? 0).keys()].map((i) => cell.outputs.get(i).toJSON());
      const isFigure = (output) => output.data?.["application/vnd.plotly.v1+json"];
      const all = [...cells].map(outputs);
      return {
        figures: all.flatMap((list, index) => (list.some(isFigure) ? [index] : [])),
        errors: all.flat().flatMap((output) => (output.name === "stderr" ? output.text : [])),
      };
    });
    assert.ok(figures.length > 0, `no cell gave a figure; on stderr: ${errors.join("")}`);

    let reacted = false;
    for (const index of figures) {
      await page.evaluate((index) => window.jupyterapp.shell.currentWidget.content.scrollToItem(index, "start"), index);
      await page.waitForSelector(".jp-Notebook .js-plotly-plot .main-svg");
      for (const plot of await page.$$(".jp-Notebook .js-plotly-plot")) reacted ||= await hovers(page, plot);
      if (reacted) break;
    }
    await page.screenshot({ path: at("build", "lab.png") });
    assert.ok(reacted, "no figure shows a value under the pointer");
  },
);

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Resolves when the server says where it listens. */
function ready(server) {
  return new Promise((resolve, reject) => {
    let said = "";
    server.stderr.setEncoding("utf8").on("data", (text) => {
      said += text;
      if (/http:\/\/127\.0\.0\.1:\d+\/lab/.test(said)) resolve();
    });
    server.on("close", (code) => reject(new Error(`JupyterLab ended with exit code ${code}\n${said}`)));
  });
}

/** Moves the pointer over the plot until plotly shows a value. */
async function hovers(page, plot) {
  await plot.scrollIntoView();
  const { x, y, width, height } = await plot.boundingBox();
  for (let column = 1; column < 10; column++) {
    for (let row = 1; row < 10; row++) {
      await page.mouse.move(x + (width * column) / 10, y + (height * row) / 10);
      if (await page.$(".hoverlayer > *")) return true;
    }
  }
  return false;
}
