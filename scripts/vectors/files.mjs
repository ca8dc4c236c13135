/**
 * @file Files of reference values. Two formats:
 * sections { image: { vectors: […] }, assignment: { vectors: […] }, … }, each section a kind (see reference.mjs);
 * rules { inputs?: { name: matrix }, vectors: [{ name, kind, params, input, output, … }] } (see aggregation.mjs).
 */
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { checkRule } from "./aggregation.mjs";
import { kinds } from "./reference.mjs";
import { MISSING } from "./compare.mjs";

/** A file that cannot be read as reference values. Its message names the file and what is wrong. */
export class MalformedFile extends Error {}

/**
 * The entries of a file.
 * @returns `[{ name, place, check }]`: what it tests, where it stands, and check(library), which resolves to
 *   `{ comparisons, skipped? }` (see compare.mjs) or `{ skip: reason }`
 * @throws MalformedFile when the file is missing, no JSON, or in neither format
 */
export function readEntries(file) {
  const content = readJson(file);
  const refuse = (what) => {
    throw new MalformedFile(`${file}: ${what}`);
  };
  if (!isRecord(content)) refuse("needs an object with vectors");
  const list = (vectors, where) => {
    if (!Array.isArray(vectors)) refuse(`needs a list ${where}`);
    const bad = vectors.findIndex((vector) => !isRecord(vector));
    if (bad >= 0) refuse(`needs objects in ${where}, entry ${bad + 1} is none`);
    return vectors;
  };
  const placed = (name, i, check) => ({ name, place: `${basename(file)}, entry ${i + 1}`, check });

  if ("vectors" in content) {
    return list(content.vectors, "vectors").map((vector, i) => {
      if (typeof vector.name !== "string") refuse(`needs a name in entry ${i + 1}`);
      const input = typeof vector.input === "string" ? content.inputs?.[vector.input] : vector.input;
      const isMatrix = Array.isArray(input) && input.length > 0 && input.every(Array.isArray);
      if (!isMatrix) refuse(`needs a matrix as the input of entry ${i + 1} (${vector.name})`);
      return placed(vector.name, i, (library) => checkRule(library, { ...vector, input }));
    });
  }
  const sections = Object.entries(content);
  if (sections.length === 0) refuse("needs at least one section with vectors");
  return sections.flatMap(([name, section]) =>
    list(section?.vectors, `${name}.vectors`).map((vector, i) =>
      placed(name, i, (library) => (Object.hasOwn(kinds, name) ? kinds[name](library, vector) : { skip: MISSING })),
    ),
  );
}

function readJson(file) {
  let text;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new MalformedFile(`${file}: cannot be read (${error.code ?? error.message})`);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new MalformedFile(`${file}: is not JSON (${error.message})`);
  }
}

const isRecord = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
