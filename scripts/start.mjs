/** @file npm start: sets up what is missing, runs the notebooks, builds the HTML companion. */
import { writeFileSync } from "node:fs";
import { dirname, relative } from "node:path";
import { parseArgs } from "node:util";
import { listNotebooks } from "./notebooks.mjs";
import { keep, publishable, resultsOf, runAndSettle } from "./results.mjs";
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
  --write            keep the results: update notebooks/*.ipynb, figures/ and the scoreboards; without it all stays under build/
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
  const results = await runAndSettle(python, { names, profile, force });
  if (results.some(({ interrupted }) => interrupted)) return 130;
  const namesOf = (wanted) => results.filter(({ state }) => state === wanted).map(({ notebook }) => notebook);
  const [finished, drawn] = [namesOf("finished"), namesOf("stand-in")];
  if (options.write && finished.length) {
    keep(finished, profile);
    for (const [page, [, text]] of Object.entries(await pages())) writeFileSync(at(page), text);
    console.log(
      `Kept: ${finished.map((name) => `notebooks/${name}.ipynb`).join(", ")}, their figures, the scoreboards`,
    );
  }
  const overlays = await publishable(python, { names: listNotebooks() });
  const page = await buildSite(jupyter, { overlays, book: at("build", "book"), site: at("build", "site") });

  const here = (path) => relative(process.cwd(), path) || ".";
  const folder = (state) => here(dirname(resultsOf(profile, state).figures));
  const places = [
    finished.length > 0 && ["Executed notebooks", here(resultsOf(profile).notebooks)],
    finished.length > 0 && ["Figures and records", here(resultsOf(profile).figures)],
    finished.length + drawn.length < names.length && ["Did not finish", folder("unfinished")],
    ["HTML companion", here(page)],
  ];
  console.log(
    `\n${places
      .filter(Boolean)
      .map(([what, path]) => what.padEnd(22) + path)
      .join("\n")}`,
  );
  if (drawn.length > 0)
    console.log(`
! Computed on stand-in drawings, since the data was not at hand: ${drawn.join(", ")}.
  They are in ${folder("stand-in")}, not in the companion${options.write ? ", and nothing of them was kept" : ""}; data/README.md says how to get the data.`);
  if (options.write && drawn.length > 0) return 1;
  return finished.length + drawn.length === names.length ? 0 : 1;
}

process.exitCode = await main();
