/** @file The HTML companion: a Jupyter Book of the executed notebooks, with everything it needs in its own folder. */
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { jupyterEnvironment, listNotebooks, notebooksFolder } from "./notebooks.mjs";
import { overlayFigures } from "./results.mjs";
import { readRecords, scoreboard, title } from "./scoreboard.mjs";
import { at, run } from "./steps/common.mjs";

const require = createRequire(import.meta.url);
const PLOTLY = "application/vnd.plotly.v1+json";

const summary = `A companion to *Byzantine Outside, Curious Inside: Reconstructing Data Through Malicious Updates*
([arXiv 2506.11413](https://arxiv.org/abs/2506.11413)). In federated learning a client sends updates and receives the
averaged model. The paper asks what a *maliciously curious* client, which also poisons its own updates, can reconstruct of
other clients' images from the broadcasts alone, and whether defenses against poisoning protect privacy. Each page
reproduces one figure or checks one theorem, states its claim and threshold before it runs, and ends in a verdict.`;

const config = {
  title: "Byzantine Outside, Curious Inside",
  author: "",
  copyright: "",
  only_build_toc_files: true,
  execute: { execute_notebooks: "off" },
  parse: { myst_enable_extensions: ["amsmath", "colon_fence", "dollarmath"] },
  html: { use_multitoc_numbering: false },
  latex: { use_jupyterbook_latex: false },
  sphinx: {
    config: {
      // Jupyter Book's list without what loads code from elsewhere (live cells, comments, references to other sites).
      extensions: [
        "sphinx_togglebutton",
        "sphinx_copybutton",
        "myst_nb",
        "jupyter_book",
        "sphinx_external_toc",
        "sphinx_design",
        "sphinx_book_theme",
      ],
      html_show_copyright: false,
      html_show_search_summary: false, // would fetch the pages, which a page opened from a file may not
      mathjax_path: "mathjax/tex-svg.js",
      mathjax3_config: {
        loader: { paths: { "mathjax-newcm": "[mathjax]/font" } }, // glyphs beyond the basic ones, from our own copy
        // A worker, which speech needs, cannot start from a file; screen readers get MathML instead.
        options: { menuOptions: { settings: { enrich: false, speech: false, braille: false, assistiveMml: true } } },
      },
    },
  },
};

const joined = (source) => (Array.isArray(source) ? source.join("") : source);

/** An output with an interactive figure as HTML of our own; every other output as it is. */
function bookOutput(output) {
  const figure = output.data?.[PLOTLY];
  if (!figure) return output;
  const picture = joined(output.data["image/svg+xml"] ?? "");
  const still =
    picture && `<img alt="figure" src="data:image/svg+xml;base64,${Buffer.from(picture).toString("base64")}">`;
  const json = JSON.stringify(figure).replaceAll("<", "\\u003c");
  const html = `<div class="plotly-figure">${still}<script type="application/json">${json}</script></div>`;
  return { output_type: "display_data", data: { "text/html": html }, metadata: {} };
}

/** The page of a notebook: that of the last overlay that has it, else the committed one. */
function writePage(name, overlays, book) {
  const folder = overlays.findLast(({ names }) => names.includes(name))?.notebooks ?? notebooksFolder;
  const source = join(folder, `${name}.ipynb`);
  if (!existsSync(source)) return false;
  const notebook = JSON.parse(readFileSync(source, "utf8"));
  for (const cell of notebook.cells) cell.outputs &&= cell.outputs.map(bookOutput);
  writeFileSync(join(book, "notebooks", `${name}.ipynb`), JSON.stringify(notebook));
  return true;
}

/** Static figures, each in its best profile: `{ name, file, notebook }`. A figure's name begins with its notebook's number. */
function gallery(figures, pages) {
  const best = new Map();
  for (const profile of ["quick", "paper"]) {
    for (const file of readdirSync(figures)) {
      if (!file.endsWith(`.${profile}.svg`)) continue;
      const name = file.slice(0, -`.${profile}.svg`.length);
      const notebook = pages.find((page) => page.slice(0, 2) === name.slice(0, 2));
      if (notebook) best.set(name, { name, file, notebook });
    }
  }
  return [...best.values()].sort((a, b) => a.name.localeCompare(b.name));
}

function indexPage(records, figures, pages) {
  const cards = figures.map(
    ({ name, file, notebook }) =>
      `:::{grid-item-card} ${title(name)}\n:img-top: figures/${file}\n:link: notebooks/${notebook}\n:link-type: doc\n:::`,
  );
  const table = scoreboard(
    records.filter(({ notebook }) => pages.includes(notebook)),
    (notebook) => `notebooks/${notebook}.ipynb`,
  );
  const figureGrid = cards.length
    ? ["## Figures", `::::{grid} 1 2 2 2\n:gutter: 3\n\n${cards.join("\n\n")}\n::::`]
    : [];
  return [`# ${config.title}`, summary, "## Scoreboard", table, ...figureGrid].join("\n\n") + "\n";
}

/**
 * Builds the companion into `site`, over a scratch folder `book`: the committed pages and figures, and over them the overlays in
 * their order, each the results of the notebooks it names (see publishable). Returns the path of its front page.
 */
export async function buildSite(jupyter, { overlays, book, site }) {
  const figures = join(book, "figures");
  rmSync(book, { recursive: true, force: true });
  mkdirSync(join(book, "notebooks"), { recursive: true });
  const pages = listNotebooks().filter((name) => writePage(name, overlays, book));
  cpSync(at("figures"), figures, { recursive: true });
  for (const overlay of overlays) for (const name of overlay.names) overlayFigures(name, overlay.figures, figures);
  writeFileSync(join(book, "_config.yml"), JSON.stringify(config)); // JSON is YAML
  const chapters = pages.length ? { chapters: pages.map((name) => ({ file: `notebooks/${name}` })) } : {};
  writeFileSync(join(book, "_toc.yml"), JSON.stringify({ format: "jb-book", root: "index", ...chapters }));
  writeFileSync(join(book, "index.md"), indexPage(readRecords(figures), gallery(figures, pages), pages));
  cpSync(at("scripts", "site"), join(book, "_static"), { recursive: true }); // the book loads what lies there on every page

  await run(join(jupyter, "jupyter-book"), ["build", book], { env: jupyterEnvironment() });
  rmSync(site, { recursive: true, force: true });
  cpSync(join(book, "_build", "html"), site, { recursive: true });
  const assets = join(site, "_static");
  cpSync(require.resolve("plotly.js/dist/plotly.min.js"), join(assets, "plotly.min.js"));
  cpSync(require.resolve("mathjax/tex-svg.js"), join(assets, "mathjax", "tex-svg.js"));
  cpSync(require.resolve("mathjax/a11y/assistive-mml.js"), join(assets, "mathjax", "a11y", "assistive-mml.js"));
  const font = dirname(require.resolve("@mathjax/mathjax-newcm-font/package.json"));
  cpSync(join(font, "svg"), join(assets, "mathjax", "font", "svg"), { recursive: true });
  return join(site, "index.html");
}
