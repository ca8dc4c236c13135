/** @file Which code a run depends on: the modules that its entry module reaches, comments aside, and the packages they use. */
import { createHash } from "node:crypto";
import { isBuiltin } from "node:module";
import { posix } from "node:path";
import jsTokens from "js-tokens";
import { ensure } from "../core/errors";

/** A compiled library. */
export interface Library {
  readonly modules: ReadonlyMap<string, string>; // JavaScript by path without its ending: "fl/train"
  readonly versionOf: (packageName: string) => string; // as installed
}

/**
 * Modules that do nothing but map names to rules, one rule a file, which is named after its rule: "krum" lies in krum.ts
 * beside the registry or in a folder beside it. A run depends on those rules alone whose names stand in its config; so code that needs a rule whatever
 * the config says imports it by its file.
 */
export const registries: readonly string[] = [
  "defense/aggregators",
  "defense/preAggregations",
  "defense/privacies",
  "model/architectures",
  "poisoning/poisonings",
  "reconstruction/priors",
];

/** What describes the datasets there are: no run depends on it, as the hash of its dataset is in its key. */
const descriptions = "data/datasets";

/**
 * What a run depends on: every module that its entry reaches by require and import(), registries left out, and every package.
 *
 * @param entry path of a module without its ending: "experiment/measure"
 * @returns by module the SHA-256 of its tokens, by package its version; sorted by name
 */
export function codeOf(entry: string, config: string, { modules, versionOf }: Library): ReadonlyMap<string, string> {
  const reached = new Map<string, string>();
  const visit = (name: string): void => {
    if (reached.has(name)) return;
    if (name === descriptions) return;
    const text = modules.get(name);
    ensure(text !== undefined, "computeOnce", "needs code that is a module of the library", name);
    const { digest, requires } = analyse(text!);
    const isRegistry = registries.includes(name);
    if (!isRegistry) reached.set(name, digest);
    for (const specifier of requires) {
      if (isBuiltin(specifier)) continue;
      const rule = /^\.\/(?:\w+\/)?(\w+)$/.exec(specifier)?.[1];
      if (isRegistry && rule !== undefined && !config.includes(JSON.stringify(rule))) continue;
      if (specifier.startsWith(".")) visit(posix.join(posix.dirname(name), specifier));
      else reached.set(packageOf(specifier), versionOf(packageOf(specifier)));
    }
  };
  visit(entry);
  return new Map([...reached].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/**
 * The hash of the code that a run depends on; see codeOf.
 *
 *     SHA-256 over "name digest-or-version" lines, by name
 *
 * @returns SHA-256 (hex)
 */
export function hashCode(entry: string, config: string, library: Library): string {
  return sha256([...codeOf(entry, config, library)].map(([name, version]) => `${name} ${version}\n`));
}

interface Analysis {
  readonly digest: string;
  readonly requires: readonly string[];
}

const analysed = new Map<string, Analysis>();

/** The tokens' hash, and what stands in require("…") and import("…"). */
function analyse(text: string): Analysis {
  let analysis = analysed.get(text);
  if (!analysis) {
    const tokens = [...jsTokens(text)].filter(({ type }) => !/Comment|^WhiteSpace$|^LineTerminator/.test(type));
    const values = tokens.map(({ value }) => value);
    const requires = values
      .filter((_, i) => /^(require|import)$/.test(values[i - 2] ?? "") && values[i - 1] === "(")
      .filter((value) => /^["']/.test(value))
      .map((value) => value.slice(1, -1));
    analysis = { digest: sha256(values.map((value) => `${value}\n`)), requires };
    analysed.set(text, analysis);
  }
  return analysis;
}

/** "@scope/name/part" is of the package "@scope/name". */
function packageOf(specifier: string): string {
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}

function sha256(parts: readonly string[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
}
