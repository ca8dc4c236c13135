// npm run --silent vectors -- FILE…: holds the library against reference values computed by others.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { differences } from "./vectors/compare.mjs";
import { MalformedFile, readEntries } from "./vectors/files.mjs";
import { setup } from "./setup.mjs";

const usage = `npm run --silent vectors -- FILE…
  FILE   reference values in one of the formats of scripts/vectors/files.mjs
  exit   0 every value agrees, 1 some do not, 2 a file cannot be read or none is given`;

/** The barrel, and what is compared but no part of it. */
const modules = [
  "",
  ...["defense/preAggregate", "metrics/matching", "numerics/dct", "poisoning/minMax"].map((name) => `/dist/${name}.js`),
];

/**
 * Runs every entry of the files through the library and prints what differs.
 * @returns the exit status: 0, 1 or 2
 */
async function main(files) {
  if (files.length === 0) {
    console.error(`vectors: needs at least one FILE\n${usage}`);
    return 2;
  }
  let entries;
  try {
    entries = files.flatMap(readEntries);
  } catch (error) {
    if (!(error instanceof MalformedFile)) throw error;
    console.error(`vectors: ${error.message}`);
    return 2;
  }
  await setup({ only: ["build", "tensorflow"] });
  const require = createRequire(import.meta.url);
  const library = Object.assign({}, ...modules.map((name) => require(`curious-inside${name}`)));

  const count = { passed: 0, failed: 0, skipped: 0 };
  for (const { name, place, check } of entries) {
    const { skipped = [], mismatches } = await runCheck(check, library);
    for (const { what = "", reason } of skipped)
      console.log(`skipped: ${name}${what && ` ${what}`} (${place}) — ${reason}`);
    for (const mismatch of mismatches ?? []) console.log(`failed: ${name} (${place}) ${mismatch}`);
    count.skipped += skipped.length;
    if (mismatches) count[mismatches.length > 0 ? "failed" : "passed"]++;
  }
  console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
  return count.failed > 0 ? 1 : 0;
}

/** What an entry's check says: `skipped` parts, and `mismatches` (none where all agrees; undefined where all is skipped). */
async function runCheck(check, library) {
  try {
    const { skip, comparisons = [], skipped = [] } = await check(library);
    if (skip) return { skipped: [{ reason: skip }] };
    const mismatches = comparisons.length > 0 ? comparisons.flatMap(differences) : ["holds no value to compare with"];
    return { skipped, mismatches };
  } catch (error) {
    return { mismatches: [`cannot be computed: ${error.message}`] };
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) process.exitCode = await main(process.argv.slice(2));
