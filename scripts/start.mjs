/** @file npm start: sets up what is missing, runs the notebooks, builds the HTML companion. */
import { copyFileSync, existsSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { listNotebooks, notebooksFolder, runNotebooks } from "./notebooks.mjs";
import { pages } from "./scoreboard.mjs";
import { setup } from "./setup.mjs";
import { buildSite } from "./site.mjs";
import { at } from "./steps/common.mjs";
import "./steps/parent.cjs";

const usage = `npm start -- [options]
  --only 02          only notebooks whose name begins so (repeat it, or separate by commas)
  --profile quick    smoke (tests the wiring), quick (default: numbers with intervals), paper (the paper's scale)
  --all              every notebook; without it those of the quick story
  --force            compute again what is stored
  --write            keep the results: update notebooks/*.ipynb and the scoreboards
  --help             this text`;

/** Notebooks that a first visit runs; the others join with --all or --only. */
const quickStory = /^0[12]_/;

function readOptions(args) {
  const flag = { type: "boolean", default: false };
  const { values } = parseArgs({
    args,
    options: {
      only: { type: "string", multiple: true, default: [] },
      profile: { type: "string", default: process.env.CURIOUS_PROFILE || "quick" },
      all: flag,
      force: { type: "boolean", default: process.env.CURIOUS_FORCE === "1" },
      write: flag,
      help: flag,
    },
  });
  if (!["smoke", "quick", "paper"].includes(values.profile))
    throw new Error(`--profile: needs smoke, quick or paper, got ${values.profile}`);
  if (values.write && values.profile === "smoke")
    throw new Error("--write: keeps quick or paper results, a smoke run only tests the wiring");
  const prefixes = values.only.flatMap((text) => text.split(",")).filter(Boolean);
  const all = listNotebooks();
  const unknown = prefixes.find((prefix) => !all.some((name) => name.startsWith(prefix)));
  if (unknown !== undefined)
    throw new Error(`--only: no notebook begins with ${unknown}; there are ${all.join(", ") || "none"}`);
  const wanted = prefixes.length
    ? (name) => prefixes.some((prefix) => name.startsWith(prefix))
    : (name) => values.all || quickStory.test(name);
  return { ...values, names: all.filter(wanted) };
}

/** Where figures and records of stand-in drawings lie (lib/report/file.ts): there was no data. */
const standIn = at("build", "stand-in");
const isStandIn = (name) =>
  existsSync(standIn) && readdirSync(standIn).some((file) => file.startsWith(name.slice(0, 2)));

/** Takes executed copies and the scoreboards into what is committed. */
async function keep(names, executed) {
  for (const name of names) copyFileSync(join(executed, `${name}.ipynb`), join(notebooksFolder, `${name}.ipynb`));
  for (const [page, [, text]] of Object.entries(await pages())) writeFileSync(at(page), text);
  console.log(`Kept: ${names.map((name) => `notebooks/${name}.ipynb`).join(", ")}, the scoreboards`);
}

async function main() {
  let options;
  try {
    options = readOptions(process.argv.slice(2));
  } catch (error) {
    console.error(`${error.message}\n\n${usage}`);
    return 2;
  }
  if (options.help) {
    console.log(usage);
    return 0;
  }
  const { python, jupyter } = await setup();

  const { names, profile, force } = options;
  const executed = at("build", "notebooks");
  rmSync(standIn, { recursive: true, force: true });
  const results = await runNotebooks(python, { names, profile, force, out: executed });
  if (results.some(({ interrupted }) => interrupted)) return 130;
  const finished = results.filter(({ ok }) => ok).map(({ notebook }) => notebook);
  const real = finished.filter((name) => !isStandIn(name));
  if (options.write && real.length) await keep(real, executed);
  const page = await buildSite(jupyter, { executed, book: at("build", "book"), site: at("build", "site") });

  const here = (path) => relative(process.cwd(), path) || ".";
  console.log(`
Figures and records   ${here(at("figures"))}
Executed notebooks    ${here(executed)}
HTML companion        ${here(page)}`);
  if (real.length < finished.length)
    console.log(`
! Computed on stand-in drawings, since the data was not at hand: ${finished.filter(isStandIn).join(", ")}.
  Figures and records are in ${here(standIn)}${options.write ? ", and nothing of it was kept" : ""}; data/README.md says how to get the data.`);
  if (options.write && real.length < finished.length) return 1;
  return finished.length === names.length ? 0 : 1;
}

process.exitCode = await main();
